"""The aggregate of a feature flag: changes, the second person for protected ones, and when a flag is stale."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from api_base.application.common.cqrs import Message
from api_base.application.flags import permissions, queries
from api_base.application.flags.commands import change_flag, propose_change
from api_base.bootstrap.contexts.flags import FLAGS
from api_base.bootstrap.contexts.roles import PLATFORM_ADMIN
from api_base.core.errors import Invalid
from api_base.core.types import UserId
from api_base.domain.common.json_difference import Difference, differences
from api_base.domain.flags.document import MAX_VIOLATIONS
from api_base.domain.flags.errors import (
    FlagNotProtected,
    FlagProtected,
    ProposalDecided,
    ProposalOutdated,
    SecondPersonRequired,
    TooManyFlags,
)
from api_base.domain.flags.proposal import FlagProposal, ProposalStatus
from api_base.domain.flags.settings import MAX_FLAGS, FlagSettings, check_together, parse_settings
from api_base.domain.flags.staleness import IDLE, StaleReason, serves_one_variant, stale_reasons
from tests.factories.feature_flags import NOW, feature_flag, flag_definition

AFTER = NOW + timedelta(hours=1)
ANA, BO = UserId(uuid4()), UserId(uuid4())


def settings(key: str = "new-checkout", *, definition: dict[str, Any] | None = None, **others: Any) -> FlagSettings:
    return feature_flag(key, definition=definition, **others).settings


def requires(key: str, variant: str = "on") -> dict[str, Any]:
    return {"prerequisites": [{"key": key, "variant": variant}]}


def proposed(flag: Any, wanted: FlagSettings) -> FlagProposal:
    return FlagProposal.make(id=uuid4(), flag=flag, settings=wanted, by=ANA, now=NOW)


def test_a_flag_is_changed_by_one_person() -> None:
    flag, wanted = feature_flag(), settings(owner="web team", definition={"default_variant": "on"})
    flag.change(wanted, AFTER)
    assert (flag.settings, flag.created_at, flag.updated_at) == (wanted, NOW, AFTER)


@pytest.mark.parametrize(("member", "value"), [("key", "other"), ("type", "string")])
def test_key_and_type_of_a_flag_never_change(member: str, value: str) -> None:
    document = {**flag_definition("new-checkout"), member: value}
    if member == "type":
        document["variants"] = {"on": "a", "off": "b"}
    with pytest.raises(Invalid, match=f"/definition/{member}: cannot be changed"):
        feature_flag().change(parse_settings({"definition": document}), AFTER)


def test_the_kill_switch_needs_one_person_and_switching_a_protected_flag_on_needs_two() -> None:
    flag = feature_flag(protected=True)
    flag.switch_off(AFTER)
    assert (flag.settings.definition.enabled, flag.updated_at) == (False, AFTER)
    with pytest.raises(FlagProtected):
        flag.switch_on(AFTER)
    assert flag.settings.definition.enabled is False
    open_flag = feature_flag(definition={"enabled": False})
    open_flag.switch_on(AFTER)
    assert open_flag.settings.definition.enabled


@pytest.mark.parametrize("others", [{"protected": False}, {"protected": True, "archived": True}, {"protected": True, "owner": "me"}])
def test_nobody_changes_a_protected_flag_alone(others: dict[str, Any]) -> None:
    flag = feature_flag(protected=True)
    before = flag.settings
    with pytest.raises(FlagProtected):
        flag.change(settings(**others), AFTER)
    assert flag.settings == before


def test_a_second_person_applies_the_proposal() -> None:
    flag = feature_flag(protected=True, version=3)
    proposal = proposed(flag, settings(protected=False, definition={"default_variant": "on"}))
    assert proposal.changes == (Difference("/definition/default_variant", "off", "on"), Difference("/protected", True, False))
    proposal.approve(flag, BO, AFTER)
    assert flag.settings.document() == proposal.document
    assert (proposal.status, proposal.decided_by, proposal.decided_at) == (ProposalStatus.APPROVED, BO, AFTER)


def test_the_proposer_is_not_the_second_person() -> None:
    flag = feature_flag(protected=True)
    proposal = proposed(flag, settings(protected=False))
    with pytest.raises(SecondPersonRequired):
        proposal.approve(flag, ANA, AFTER)
    assert flag.settings.protected
    proposal.reject(ANA, AFTER)
    assert (proposal.status, proposal.decided_by) == (ProposalStatus.REJECTED, ANA)


def test_a_proposal_is_for_one_version_and_decided_once() -> None:
    flag = feature_flag(protected=True)
    proposal = proposed(flag, settings(protected=False))
    flag.version += 1
    with pytest.raises(ProposalOutdated, match="no longer at version 1"):
        proposal.approve(flag, BO, AFTER)
    decided = proposed(flag, settings(protected=False))
    decided.reject(BO, AFTER)
    with pytest.raises(ProposalDecided, match="already rejected"):
        decided.approve(flag, BO, AFTER)
    assert flag.settings.protected


def test_a_flag_that_is_not_protected_needs_no_proposal() -> None:
    with pytest.raises(FlagNotProtected):
        proposed(feature_flag(), settings(owner="me"))


def test_flags_are_checked_together() -> None:
    base, dependent = settings("base"), settings("dependent", definition=requires("base"))
    check_together([base, dependent])
    with pytest.raises(Invalid, match="cycle: base -> dependent -> base|cycle: dependent -> base -> dependent"):
        check_together([settings("base", definition=requires("dependent")), dependent])
    with pytest.raises(Invalid, match="/definition/prerequisites/0/key.*does not exist"):
        check_together([settings("base", archived=True), dependent])
    with pytest.raises(Invalid, match="/definition/prerequisites/0/variant.*does not have"):
        check_together([base, settings("dependent", definition=requires("base", "maybe"))])


def test_the_number_of_flags_is_bounded() -> None:
    full = [settings(f"flag-{number}") for number in range(MAX_FLAGS)]
    check_together([*full, settings("archived", archived=True)])
    with pytest.raises(TooManyFlags, match="at most 1000 flags"):
        check_together([*full, settings("one-more")])


def test_what_a_protected_flag_depends_on_is_protected_too() -> None:
    dependent = settings("dependent", protected=True, definition=requires("base"))
    with pytest.raises(Invalid, match="must be protected as well"):
        check_together([settings("base"), dependent])
    check_together([settings("base", protected=True), dependent])


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"definition": None}, "/definition"),
        ({"definition": flag_definition("a", default_variant="none")}, "/definition/default_variant"),
        ({"protected": "yes"}, "/protected"),
        ({"archived": 1}, "/archived"),
        ({"description": 7}, "/description"),
        ({"owner": "\0"}, "/owner"),
        ({"owner": "x" * 201}, "/owner"),
        ({"stale_after": "tomorrow"}, "/stale_after"),
        ({"stale_after": 5}, "/stale_after"),
        ({"stale_after": "0001-01-01T00:00:00+14:00"}, "/stale_after"),
        ({"stale_after": "9999-12-31T23:59:59-14:00"}, "/stale_after"),
        ({"stale_after": "9999-12-31T23:59:60Z"}, "/stale_after"),
        ({"enabled": True}, "/enabled"),
    ],
)
def test_settings_that_are_not_valid(members: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_settings({"definition": flag_definition("a"), **members})
    assert [one.pointer for one in refused.value.violations] == [pointer]


def test_all_that_is_wrong_with_settings_is_reported_together() -> None:
    with pytest.raises(Invalid) as refused:
        parse_settings({"definition": flag_definition("a", zip=1), "zap": 1, "zop": 1, "owner": 5, "tracked": 1, "stale_after": "soon"})
    assert {one.pointer for one in refused.value.violations} == {"/definition/zip", "/zap", "/zop", "/owner", "/tracked", "/stale_after"}


def test_settings_that_are_no_object_are_refused() -> None:
    with pytest.raises(Invalid, match="must be an object"):
        parse_settings([])


@pytest.mark.parametrize("document", [[], {}, {"definition": []}, {"definition": {"key": 1}}])
def test_a_stored_proposal_that_is_not_valid_is_rejected_and_not_approved(document: object) -> None:
    flag = feature_flag(protected=True)
    proposal = replace(proposed(flag, settings(protected=False)), document=document)
    assert proposal.key == ""
    with pytest.raises(Invalid):
        replace(proposal).approve(flag, BO, AFTER)
    proposal.reject(BO, AFTER)
    assert (proposal.status, flag.settings.protected) == (ProposalStatus.REJECTED, True)


@pytest.mark.parametrize("value", ["x", {}], ids=["valid", "not valid"])
def test_a_large_definition_is_refused_before_each_of_its_values_costs_time(value: object) -> None:
    condition = {"attribute": "plan", "operator": "in", "values": [value] * 500}
    definition = flag_definition("a", rules=[{"conditions": [condition] * 16, "variant": "on"}] * 64)
    began = time.process_time()
    with pytest.raises(Invalid, match="/definition: is larger than 65536 bytes of JSON"):
        parse_settings({"definition": definition})
    assert time.process_time() - began < 1


def test_of_many_violations_the_first_are_listed() -> None:
    rules = [{"conditions": [{"attribute": "plan", "operator": "in", "values": [{}] * 200}], "variant": "on"}]
    with pytest.raises(Invalid) as refused:
        parse_settings({"definition": flag_definition("a", rules=rules)})
    *listed, last = refused.value.violations
    assert len(listed) == MAX_VIOLATIONS
    assert (last.pointer, last.message) == ("/definition", "has 200 errors, of which the first 100 are listed")


def test_settings_survive_the_way_to_their_document_and_back() -> None:
    stored = settings(description="two\nlines", owner="web", protected=True, archived=True, stale_after="2026-07-01T00:00:00Z")
    assert parse_settings(stored.document()) == stored


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        (1, True, [("", 1, True)]),
        ({"a": {"b/c": 1}}, {"a": {"b/c": 2}}, [("/a/b~1c", 1, 2)]),
        ({"~": None}, {}, [("/~0", None, None)]),
        ([1, 2], [1], [("/1", 2, None)]),
        ({"a": [1]}, {"a": {"0": 1}}, [("/a", [1], {"0": 1})]),
        ({"a": 1}, {"a": [1]}, [("/a", 1, [1])]),
    ],
)
def test_differences_by_pointer(before: Any, after: Any, expected: list[tuple[str, Any, Any]]) -> None:
    assert [tuple(one) for one in differences(before, after)] == expected


PRO = {"attribute": "plan", "operator": "in", "values": ["pro"]}


@pytest.mark.parametrize(
    ("members", "one"),
    [
        ({}, True),
        ({"rules": [{"variant": "on"}]}, True),
        ({"rules": [{"conditions": [PRO], "variant": "off"}]}, True),
        ({"rules": [{"conditions": [PRO], "variant": "on"}]}, False),
        ({"rules": [{"conditions": [PRO], "variant": "on"}, {"variant": "on"}]}, True),
        ({"rules": [{"split": {"on": 10000, "off": 0}}]}, True),
        ({"rules": [{"conditions": [PRO], "split": {"on": 10000}}]}, False),
        ({"rules": [{"split": {"on": 5000, "off": 5000}}]}, False),
        ({"rules": [{"conditions": [PRO], "variant": "on"}], "enabled": False}, True),
        ({"starts_at": "2026-05-07T00:00:00Z"}, False),
        ({"starts_at": "2026-05-01T00:00:00Z"}, True),
        ({"ends_at": "2026-05-07T00:00:00Z"}, False),
        ({"ends_at": "2026-05-01T00:00:00Z", "rules": [{"conditions": [PRO], "variant": "on"}]}, True),
        ({"prerequisites": [{"key": "base", "variant": "on"}]}, False),
        ({"tenants": ["018f0000-0000-7000-8000-000000000001"]}, False),
    ],
)
def test_whether_everybody_gets_the_same(members: dict[str, Any], one: bool) -> None:
    assert serves_one_variant(settings(definition=members).definition, NOW) is one


@pytest.mark.parametrize(
    ("others", "unchanged", "unevaluated", "expected"),
    [
        ({}, IDLE, IDLE, []),
        ({}, IDLE * 2, timedelta(0), [StaleReason.ONE_VARIANT]),
        ({}, timedelta(0), IDLE * 2, [StaleReason.NOT_EVALUATED]),
        ({"stale_after": "2026-05-06T07:08:09Z"}, timedelta(0), timedelta(0), [StaleReason.DATE_PASSED]),
        ({"stale_after": "2026-05-06T07:08:10Z"}, timedelta(0), timedelta(0), []),
        ({"stale_after": "2026-05-06T07:08:09Z"}, IDLE * 2, IDLE * 2, list(StaleReason)),
        ({"stale_after": "2026-05-06T07:08:09Z", "archived": True}, IDLE * 2, IDLE * 2, []),
    ],
)
def test_why_a_flag_is_stale(others: dict[str, Any], unchanged: timedelta, unevaluated: timedelta, expected: list[StaleReason]) -> None:
    times = {"created_at": NOW - IDLE * 3, "updated_at": NOW - unchanged, "last_evaluated_at": NOW - unevaluated}
    assert list(stale_reasons(settings(**others), required=False, **times, now=NOW)) == expected


def test_a_new_flag_has_time_to_be_evaluated() -> None:
    def reasons(age: timedelta, required: bool = False, **members: Any) -> list[StaleReason]:
        times = {"created_at": NOW - age, "updated_at": NOW, "last_evaluated_at": None, "now": NOW}
        return list(stale_reasons(settings(definition=members), required=required, **times))

    assert reasons(IDLE) == []
    assert reasons(IDLE * 2) == [StaleReason.NOT_EVALUATED]
    assert reasons(IDLE * 2, client=True) == []
    assert reasons(IDLE * 2, required=True) == []


def test_every_message_is_for_administrators_of_the_platform_alone() -> None:
    assert FLAGS.permissions == {permissions.MANAGE: frozenset({PLATFORM_ADMIN})}
    messages = [one for module in (change_flag, propose_change, queries) for one in vars(module).values() if is_message(one)]
    assert len(messages) == 11
    assert {one.permission for one in messages} == {permissions.MANAGE}


def is_message(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Message) and hasattr(found, "permission")
