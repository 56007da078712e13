"""Flags as product code reads them, for the principal of the request; and flags that a test forces."""

from collections.abc import Collection
from typing import Any

import pytest

from api_base.application.services.feature_flags import CurrentFlags, FeatureFlags
from api_base.core.errors import Invalid, ProgrammingError
from api_base.core.types import NO_REQUEST, current_context
from tests.factories.auth import principal, request_of
from tests.factories.flags import canonical, document, percentage, snapshot

KEY = "new-checkout"


def current(*documents: dict[str, Any]) -> CurrentFlags:
    flags = CurrentFlags()
    flags.replace(snapshot(*documents))
    return flags


def targeting(attribute: str, value: object) -> dict[str, Any]:
    return document(rules=[{"conditions": [{"attribute": attribute, "operator": "in", "values": [value]}], "variant": "on"}])


def test_each_type_is_read_and_anything_else_leaves_the_default() -> None:
    flags = FeatureFlags(current(*canonical()))
    assert flags.enabled("boolean-flag") is True
    assert flags.string("string-flag", "bye") == "hi"
    assert flags.integer("integer-flag", 1) == 10
    assert flags.number("float-flag", 0.1) == 0.5
    assert flags.mapping("object-flag", {})["imagesPerPage"] == 100
    assert flags.enabled("missing-flag") is False
    assert flags.enabled("missing-flag", default=True) is True
    assert flags.enabled("string-flag", default=True) is True
    assert flags.string("disabled-string-flag", "bye") == "bye"


def test_before_the_first_snapshot_the_default_applies() -> None:
    assert FeatureFlags(CurrentFlags()).enabled(KEY, default=True) is True


def test_who_changes_a_mapping_changes_no_other_reading() -> None:
    flags = FeatureFlags(current(*canonical()))
    dict(flags.mapping("object-flag", {}))["title"] = "changed"
    flags.mapping("object-flag", {})["title"] = "changed"  # type: ignore[index]
    assert flags.mapping("object-flag", {})["title"] == "Check out these pics!"


@pytest.mark.parametrize("attribute", ["user", "tenant", "plan", "role"])
def test_the_context_is_the_principal_of_the_request(attribute: str) -> None:
    who = principal(role="member", plan="pro")
    values = {"user": str(who.user_id), "tenant": str(who.tenant_id), "plan": "pro", "role": "member"}
    flags = FeatureFlags(current(targeting(attribute, values[attribute])))
    request_of(who)
    assert flags.enabled(KEY) is True
    request_of(principal(role="owner", plan="free"))
    assert flags.enabled(KEY) is False
    request_of(principal(tenant_id=None, role=None, plan=None, user_id=who.user_id))
    assert flags.enabled(KEY) is (attribute == "user")
    request_of(None)
    assert flags.enabled(KEY) is False


def test_without_a_request_a_flag_is_evaluated_for_nobody() -> None:
    current_context.set(NO_REQUEST)
    assert FeatureFlags(current(percentage(10_000))).enabled(KEY) is False


def test_a_flag_of_another_tenant_does_not_exist() -> None:
    who = principal()
    flags = FeatureFlags(current(document(default_variant="on", tenants=[str(who.tenant_id)])))
    request_of(who)
    assert flags.enabled(KEY) is True
    request_of(principal())
    assert flags.enabled(KEY) is False


def test_a_flag_is_forced_for_everybody_and_then_as_before() -> None:
    held = current(document(enabled=False, tenants=[str(principal().tenant_id)]), document(key="other", default_variant="on"))
    flags = FeatureFlags(held)
    with held.forced({KEY: True, "unknown": "text", "count": 3, "share": 0.5, "form": {"a": 1}}):
        assert flags.enabled(KEY) is True
        assert flags.enabled("other") is True
        assert flags.string("unknown", "") == "text"
        assert (flags.integer("count", 0), flags.number("share", 0.0), flags.mapping("form", {})) == (3, 0.5, {"a": 1})
        with held.forced({KEY: False}):
            assert flags.enabled(KEY, default=True) is False
        assert flags.enabled(KEY) is True
    assert flags.enabled(KEY, default=False) is False
    assert flags.string("unknown", "none") == "none"


def test_a_forced_flag_meets_the_prerequisite_that_names_its_value() -> None:
    held = current(document(), document(key="next", default_variant="on", prerequisites=[{"key": KEY, "variant": "on"}]))
    assert FeatureFlags(held).enabled("next") is False
    with held.forced({KEY: True}):
        assert FeatureFlags(held).enabled("next") is True


def test_a_forced_flag_stays_forced_while_the_source_delivers_others_which_stay_afterwards() -> None:
    held = current(document(client=True), document(key="other"))
    flags = FeatureFlags(held)
    with held.forced({KEY: True}):
        held.replace(snapshot(document(client=True), document(key="other", default_variant="on")))
        assert (flags.enabled(KEY), flags.enabled("other")) == (True, True)
        held.mark_stale("the source is away")
        held.mark_fresh()
        assert flags.enabled(KEY) is True
        assert held.snapshot is not None
        assert list(held.snapshot.client_keys) == [KEY]
    assert (flags.enabled(KEY, default=True), flags.enabled("other")) == (False, True)


def test_a_flag_that_cannot_be_forced_leaves_the_flags_as_they_were() -> None:
    held = current(document(), document(key="next", prerequisites=[{"key": KEY, "variant": "on"}]))
    with pytest.raises(Invalid), held.forced({KEY: "text"}):
        raise AssertionError
    held.replace(snapshot(document(default_variant="on")))
    assert FeatureFlags(held).enabled(KEY) is True


def test_flags_are_forced_where_there_are_none_and_a_failing_test_leaves_none() -> None:
    held = CurrentFlags()
    with pytest.raises(ZeroDivisionError), held.forced({KEY: True}):
        assert FeatureFlags(held).enabled(KEY) is True
        raise ZeroDivisionError
    assert held.snapshot is None


def test_a_flag_is_forced_to_a_value_of_a_type_of_flags_only() -> None:
    with pytest.raises(ProgrammingError, match="cannot be forced to a list"), CurrentFlags().forced({KEY: [1]}):  # type: ignore[dict-item]
        raise AssertionError


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def ready(self) -> None:
        self.events.append("ready")

    def stale(self, reason: str) -> None:
        self.events.append(reason)

    def changed(self, keys: Collection[str]) -> None:
        self.events.append(list(keys))


def test_listeners_hear_what_changes_and_nothing_else() -> None:
    flags, heard = CurrentFlags(), Heard()
    flags.subscribe(heard)
    flags.mark_stale("no snapshot has arrived, so nothing is stale")
    flags.mark_fresh()
    flags.replace(snapshot(document(), document(key="kept")))
    flags.replace(snapshot(document(), document(key="kept")))
    flags.replace(snapshot(document(enabled=False), document(key="kept"), document(key="added")))
    flags.mark_stale("the database is away")
    flags.mark_stale("it still is")
    assert flags.stale_reason == "the database is away"
    flags.mark_fresh()
    flags.mark_fresh()
    flags.replace(snapshot(document(key="kept")))
    flags.unsubscribe(heard)
    flags.replace(snapshot())
    assert heard.events == ["ready", ["added", KEY], "the database is away", "ready", ["added", KEY]]
    assert flags.stale_reason is None


def test_a_snapshot_that_is_refused_leaves_the_last_one() -> None:
    held = current(document(default_variant="on"))
    with pytest.raises(Invalid):
        held.replace(snapshot(document(prerequisites=[{"key": "unknown", "variant": "on"}])))
    assert FeatureFlags(held).enabled(KEY) is True
