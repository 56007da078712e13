"""Stored events."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from api_base.application.common.events import EventVersions
from api_base.core.protocols import StoredEvent
from api_base.infrastructure.events.rows import decode
from api_base.infrastructure.serialization.json_codec import encode

VERSIONS = EventVersions(encode, decode)
"""Those of events that have one."""
_numbers = count(1)


def stored_event(**changes: Any) -> StoredEvent:
    """An item of some tenant was created by some user, and somebody traced it."""
    values: dict[str, Any] = {
        "sequence": next(_numbers),
        "id": uuid4(),
        "at": datetime(2026, 5, 6, 7, 8, 9, 678901, tzinfo=UTC),
        "name": "items.created.v1",
        "tenant_id": uuid4(),
        "aggregate_id": UUID("01900000-0000-7000-8000-000000000001"),
        "aggregate_version": 1,
        "actor_id": uuid4(),
        "request_id": "r-1",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "payload": b'{"aggregate_id":"01900000-0000-7000-8000-000000000001","tenant_id":"01900000-0000-7000-8000-000000000002","sku":"A-1"}',
    }
    return StoredEvent(**{**values, **changes})
