"""CloudEvents: what goes out is by the specification, and comes back as it was."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.application.common.events.cloud_event import decoded, encoded
from api_base.core.protocols import StoredEvent
from tests.factories.events import stored_event

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)
EVENTS = st.builds(
    StoredEvent,
    sequence=st.integers(0, 2**63 - 1),
    id=st.uuids(),
    at=st.datetimes(timezones=st.just(UTC)),
    name=st.just("items.created.v1"),
    tenant_id=st.none() | st.uuids(),
    aggregate_id=st.uuids(),
    aggregate_version=st.integers(1, 2**31 - 1),
    actor_id=st.none() | st.uuids(),
    request_id=st.text(max_size=50),
    traceparent=st.sampled_from(["", f"00-{'a' * 32}-{'b' * 16}-01"]),
    payload=JSON.map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()),
)


@given(EVENTS)
def test_it_comes_back_as_it_was(event: StoredEvent) -> None:
    assert decoded(encoded(event, "test")) == event


def test_it_has_what_the_specification_asks_for() -> None:
    """CloudEvents 1.0.2: required attributes, RFC 3339 time, names of extensions in lower-case email_templates and digits."""
    event = stored_event(payload=b'{"price": 1}')
    found = json.loads(encoded(event, "https://example.com/shop"))
    assert (found["specversion"], found["id"], found["source"], found["type"]) == (
        "1.0",
        str(event.id),
        "https://example.com/shop",
        event.name,
    )
    assert datetime.fromisoformat(found["time"]) == event.at
    assert found["time"].endswith("Z")
    assert found["data"] == {"price": 1}
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in found)


@pytest.mark.parametrize(
    "record", [b"", b"\xff", b"[]", b"1", b"{}", b'{"id": "no"}', encoded(stored_event(), "x").replace(b'"sequence"', b'"no"')]
)
def test_what_is_none_of_ours_is_a_value_error(record: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        decoded(record)
