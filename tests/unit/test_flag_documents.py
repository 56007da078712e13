"""The JSON form of flags: what is valid comes back as it was, what is not is refused at its place with a clear message."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from api_base.core.errors import Invalid
from api_base.domain.common.stored_json import stored
from api_base.domain.flags import document as limits
from api_base.domain.flags.definition import MAX_CHAIN, FlagDefinition, check_graph, usable
from api_base.domain.flags.document import parse, to_document
from api_base.domain.flags.values import MAX_BYTES, MAX_INTEGER
from tests.factories.flags import JSON, document, documents, flag


@given(documents())
def test_a_valid_document_comes_back_as_it_was(sent: dict[str, Any]) -> None:
    found = parse(sent)
    assert parse(to_document(found)) == found


@given(documents())
def test_what_jsonb_returns_is_the_same_flag(sent: dict[str, Any]) -> None:
    found = parse(sent)
    assert parse(json.loads(json.dumps(stored(to_document(found), "", 10 * MAX_BYTES)))) == found


def members_of(value: Any) -> Iterator[tuple[dict[str, Any] | list[Any], Any]]:
    """Yield each place within `value`: its container, and its name or index."""
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, step
        yield from members_of(value[step])


@given(documents())
def test_null_at_any_place_is_refused_with_a_reason_or_comes_back_as_it_was(sent: dict[str, Any]) -> None:
    sent |= {"prerequisites": [{"key": "other", "variant": "on"}], "tenants": [TENANT.upper()]}
    for container, step in list(members_of(sent)):
        value, container[step] = container[step], None
        found = parsed(sent)
        assert found.violations if isinstance(found, Invalid) else parse(json.loads(json.dumps(to_document(found)))) == found
        container[step] = value


def parsed(sent: Any) -> FlagDefinition | Invalid:
    try:
        return parse(sent)
    except Invalid as error:
        return error


@given(JSON)
def test_any_other_json_is_refused(sent: Any) -> None:
    with pytest.raises(Invalid):
        parse(sent)


def refused(sent: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(sent)
    return {violation.pointer: violation.message for violation in caught.value.violations}


def rule(**changes: Any) -> dict[str, Any]:
    return document(rules=[changes])


def condition(**changes: Any) -> dict[str, Any]:
    return rule(variant="on", conditions=[{"attribute": "plan", "operator": "in", "values": ["pro"]} | changes])


TENANT = "01890a5d-ac96-774b-bcce-b302099a8057"
FALSE = "must be a boolean, because the flag has this type"
NAME = "must be 1 to 100 characters of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends"
RANGE = "must be an integer from 0 to 10000, in hundredths of a percent"
FINITE = "must not be NaN, Infinity or a number beyond 64-bit floating point"
EXACT = f"must be between -{MAX_INTEGER} and {MAX_INTEGER}, because JavaScript reads no other integers exactly"
VARIANT = "must name one of the variants"


@pytest.mark.parametrize(
    ("sent", "pointer", "message"),
    [
        ([], "", "must be an object"),
        (document(key="New Checkout"), "/key", NAME),
        (document(key="a" * 101), "/key", NAME),
        (document(key="a" * 10_000_000), "/key", NAME),
        (document(key="*"), "/key", NAME),
        (document(key="a\n"), "/key", NAME),
        (document(type="number"), "/type", "must be one of boolean, string, integer, float, object"),
        (document(variants={}), "/variants", "has 0 variants; 1 to 64 are allowed"),
        (document(variants={str(i): True for i in range(65)}), "/variants", "has 65 variants; 1 to 64 are allowed"),
        (document(variants=[]), "/variants", "must be an object of variants and their values"),
        (document(variants={"on": 1, "off": False}), "/variants/on", FALSE),
        (document(variants={"on": "true", "off": False}), "/variants/on", FALSE),
        (document(default_variant="maybe"), "/default_variant", VARIANT),
        (document(off_variant="maybe"), "/off_variant", VARIANT),
        (document(off_variant=[]), "/off_variant", VARIANT),
        (document(enabled="yes"), "/enabled", "must be true or false"),
        (document(starts_at="tomorrow"), "/starts_at", "must be a time of RFC 3339 such as 2026-01-31T09:00:00Z"),
        (document(starts_at="2026-01-31T09:00:00"), "/starts_at", "must be a time of RFC 3339 such as 2026-01-31T09:00:00Z"),
        (document(ends_at="0001-01-01T00:00:00+23:59"), "/ends_at", "must be a time of RFC 3339 such as 2026-01-31T09:00:00Z"),
        (document(starts_at="9999-12-31T23:59:60Z"), "/starts_at", "must be a time of RFC 3339 such as 2026-01-31T09:00:00Z"),
        (document(starts_at="2026-01-31T09:00:00Z", ends_at="2026-01-31T10:00:00+01:00"), "/ends_at", "must be after starts_at"),
        (document(rules={}), "/rules", "must be an array"),
        (document(rules=[{"variant": "on"}] * 65), "/rules", "has 65 elements; at most 64 are allowed"),
        (document(prerequisites=[{"key": "new-checkout", "variant": "on"}]), "/prerequisites", "of the flag new-checkout make a cycle: new-checkout -> new-checkout"),
        (document(prerequisites=[{"key": "x"}]), "/prerequisites/0/variant", "is required"),
        (document(tenants=["acme"]), "/tenants/0", "must be the id of a tenant, a UUID"),
        (document(tenants=[]), "/tenants", "must not be empty. Leave it out for all tenants"),
        (document(key=None), "/key", "is required"),
        (document(type=None), "/type", "is required"),
        (document(variants=None), "/variants", "is required"),
        (document(default_variant=None), "/default_variant", "is required"),
        (document(prerequisites=[{"key": "x", "variant": None}]), "/prerequisites/0/variant", "is required"),
        (condition(attribute=None), "/rules/0/conditions/0/attribute", "is required"),
        (condition(operator=None), "/rules/0/conditions/0/operator", "is required"),
        (condition(values=None), "/rules/0/conditions/0/values", "is required"),
        (condition(attribute="targetingKey"), "/rules/0/conditions/0/attribute", "must not be targetingKey: use user"),
        (rule(split={"on": 10_000}, bucket_by="targetingKey"), "/rules/0/bucket_by", "must not be targetingKey: use user"),
        (rule(), "/rules/0", "must have either a variant or a split"),
        (rule(variant="on", split={"on": 10_000}), "/rules/0", "must have either a variant or a split"),
        (rule(variant="maybe"), "/rules/0/variant", VARIANT),
        (rule(variant="on", salt="x"), "/rules/0/salt", "is only for a rule with a split"),
        (rule(split={"on": 12_000}), "/rules/0/split/on", RANGE),
        (rule(split={"on": -1, "off": 10_001}), "/rules/0/split/on", RANGE),
        (rule(split={"on": 10.5, "off": 9_989.5}), "/rules/0/split/on", RANGE),
        (rule(split={"on": True, "off": 9_999}), "/rules/0/split/on", RANGE),
        (rule(split={"on": 1_000, "off": 8_000}), "/rules/0/split", "has weights with the sum 9000; it must be 10000, which is 100 %"),
        (rule(split={"on": 9_000, "off": 2_000}), "/rules/0/split", "has weights with the sum 11000; it must be 10000, which is 100 %"),
        (rule(split={"maybe": 10_000}), "/rules/0/split/maybe", VARIANT),
        (rule(split=[]), "/rules/0/split", "must be an object of variants and their weights"),
        (condition(operator="equals"), "/rules/0/conditions/0/operator", "must be one of in, not_in, starts_with, ends_with, contains, gt, gte, lt, lte"),
        (condition(values=[]), "/rules/0/conditions/0/values", "must not be empty"),
        (condition(values=["x"] * 501), "/rules/0/conditions/0/values", "has 501 elements; at most 500 are allowed"),
        (condition(values=[{}]), "/rules/0/conditions/0/values/0", "must be a string, a number, true or false"),
        (condition(values=["a\0"]), "/rules/0/conditions/0/values/0", "must have at most 256 characters, without NUL and lone surrogates"),
        (condition(values=["\ud800"]), "/rules/0/conditions/0/values/0", "must have at most 256 characters, without NUL and lone surrogates"),
        (condition(values=["x" * 257]), "/rules/0/conditions/0/values/0", "must have at most 256 characters, without NUL and lone surrogates"),
        (condition(values=[math.nan]), "/rules/0/conditions/0/values/0", FINITE),
        (condition(values=[2**53]), "/rules/0/conditions/0/values/0", EXACT),
        (condition(operator="gt", values=["1"]), "/rules/0/conditions/0/values/0", "must be a number for the operator gt"),
        (condition(operator="gt", values=[True]), "/rules/0/conditions/0/values/0", "must be a number for the operator gt"),
        (condition(operator="gt", values=[1, 2]), "/rules/0/conditions/0/values", "must be one number for the operator gt"),
        (condition(operator="contains", values=[1]), "/rules/0/conditions/0/values/0", "must be a string for the operator contains"),
        (rule(variant="on", conditions=[{}] * 17), "/rules/0/conditions", "has 17 elements; at most 16 are allowed"),
        (document(type="string", variants={"on": "\0", "off": ""}), "/variants/on", "must not contain the character NUL"),
        (document(type="string", variants={"on": "\udfff", "off": ""}), "/variants/on", "must not contain a lone surrogate"),
        (document(type="string", variants={"on": "x" * 70_000, "off": ""}), "/variants/on", "is larger than 65536 bytes of JSON with all digits of its numbers"),
        (document(type="string", variants={"on": "x" * 40_000, "off": "y" * 40_000}), "", "is larger than 65536 bytes of JSON"),
        (document(type="integer", variants={"on": 2**53, "off": 0}), "/variants/on", EXACT),
        (document(type="integer", variants={"on": -(2**53), "off": 0}), "/variants/on", EXACT),
        (document(type="integer", variants={"on": 10**400, "off": 0}), "/variants/on", FINITE),
        (document(type="integer", variants={"on": 1.0, "off": 0}), "/variants/on", "must be an integer, because the flag has this type"),
        (document(type="integer", variants={"on": True, "off": 0}), "/variants/on", "must be an integer, because the flag has this type"),
        (document(type="float", variants={"on": math.nan, "off": 0.5}), "/variants/on", FINITE),
        (document(type="float", variants={"on": math.inf, "off": 0.5}), "/variants/on", FINITE),
        (document(type="object", variants={"on": [], "off": {}}), "/variants/on", "must be an object, because the flag has this type"),
        (document(type="object", variants={"on": {"a": [2**53]}, "off": {}}), "/variants/on", EXACT),
        (document(type="object", variants={"on": {"a": [1e16]}, "off": {}}), "/variants/on", EXACT),
        (document(type="object", variants={"on": {"a": "\0"}, "off": {}}), "/variants/on", "must not contain the character NUL"),
    ],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
def test_what_is_malformed_is_refused_at_its_place(sent: Any, pointer: str, message: str) -> None:
    assert refused(sent) == {pointer: message}


def test_an_unknown_member_is_refused_and_the_known_ones_are_listed() -> None:
    found = refused(document() | {"a/b" + "x" * 10_000: 1})
    assert found == {
        "/a~1b" + "x" * 61: "is not a member; the members are client, default_variant, enabled, ends_at, key, off_variant, prerequisites, "
        "rules, starts_at, tenants, type, variants"
    }


def test_all_unknown_members_are_named() -> None:
    sent = document(rules=[{"variant": "on", "x": 1, "y": 2}]) | {"zip": 1, "zap": 2}
    assert set(refused(sent)) == {"/zip", "/zap", "/rules/0/x", "/rules/0/y"}


@pytest.mark.parametrize(("attribute", "kept"), [("tenant", TENANT), ("user", TENANT), ("country", TENANT.upper())])
def test_ids_of_tenants_and_users_are_kept_in_lower_case(attribute: str, kept: str) -> None:
    found = parse(condition(attribute=attribute, values=[TENANT.upper(), "PRO", 1]))
    assert found.rules[0].conditions[0].values == (kept, "PRO", 1)


def test_each_required_member_is_named_once() -> None:
    assert refused({}) == dict.fromkeys(["/default_variant", "/key", "/type", "/variants"], "is required")


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
def test_an_order_takes_one_number(operator: str) -> None:
    pointer = "/rules/0/conditions/0/values"
    assert refused(condition(operator=operator, values=[1, 2])) == {pointer: f"must be one number for the operator {operator}"}
    assert refused(condition(operator=operator, values=["1"])) == {f"{pointer}/0": f"must be a number for the operator {operator}"}


def test_all_violations_are_reported_together() -> None:
    sent = document(type="integer", default_variant="maybe", rules=[{"variant": "maybe"}, {"split": {"on": 1}}])
    assert set(refused(sent)) == {"/variants/on", "/variants/off", "/default_variant", "/rules/0/variant", "/rules/1/split"}


def test_numbers_of_a_float_flag_may_be_written_as_integers() -> None:
    found = flag(type="float", variants={"on": 1, "off": -0.0})
    assert [(repr(value)) for value in found.variants.values()] == ["1.0", "0.0"]


def test_null_is_the_same_as_leaving_an_optional_member_out() -> None:
    optional = ["off_variant", "rules", "prerequisites", "starts_at", "ends_at", "tenants"]
    assert parse(document() | dict.fromkeys(optional)) == flag()


def test_the_limits_of_the_largest_accepted_definition_hold() -> None:
    conditions = [{"attribute": "plan", "operator": "in", "values": ["p"]}] * limits.MAX_CONDITIONS
    flag(rules=[{"conditions": conditions, "variant": "on"}] * limits.MAX_RULES)


def requiring(key: str, *required: str, variant: str = "on") -> FlagDefinition:
    return flag(key=key, prerequisites=[{"key": one, "variant": variant} for one in required])


def chain(length: int, last: tuple[str, ...] = ()) -> list[FlagDefinition]:
    links = [requiring(f"f{index}", f"f{index + 1}") for index in range(length - 1)]
    return [*links, requiring(f"f{length - 1}", *last)]


@pytest.mark.parametrize(
    ("flags", "pointer", "message"),
    [
        ([requiring("a", "b"), requiring("b", "c"), requiring("c", "b")], "/prerequisites", "of the flag c make a cycle: b -> c -> b"),
        ([requiring("a", "x")], "/prerequisites/0/key", "of the flag a names the flag x, which does not exist"),
        ([requiring("a", "b", variant="maybe"), requiring("b")], "/prerequisites/0/variant", "of the flag a names maybe, which b does not have"),
        (chain(MAX_CHAIN + 1), "/prerequisites", "of the flag f0 make a chain of more than 16 flags"),
        (chain(10_000, ("f0",)), "/prerequisites", "of the flag f9999 make a cycle: " + " -> ".join(f"f{i}" for i in range(15)) + " -> (9985 more) -> f0"),
    ],
    ids=["a cycle of two", "an unknown flag", "an unknown variant", "a long chain", "a cycle of ten thousand"],
)  # fmt: skip
def test_prerequisites_that_cannot_be_met_are_refused(flags: list[FlagDefinition], pointer: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_graph(flags)
    assert [(one.pointer, one.message) for one in caught.value.violations] == [(pointer, message)]


def test_flags_that_are_not_valid_together_are_left_out_and_the_others_kept() -> None:
    shared = [requiring("a", "b"), requiring("b")]
    cycle = [requiring("c", "d"), requiring("d", "c"), requiring("needs-cycle", "c", "b")]
    missing = [requiring("m", "unknown"), requiring("n", "m"), requiring("o", "b", variant="maybe")]
    assert usable([*cycle, *shared, *missing]) == {one.key: one for one in shared}
    longest = chain(MAX_CHAIN + 1)
    assert usable(longest).keys() == {one.key for one in longest[1:]}


def test_the_longest_chain_and_shared_prerequisites_are_accepted() -> None:
    check_graph(chain(MAX_CHAIN))
    check_graph([requiring("a", "b", "c"), requiring("b", "d"), requiring("c", "d"), requiring("d")])


def test_the_documented_definitions_are_valid() -> None:
    page = Path("docs/flags.md").read_text(encoding="utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert "new-checkout" in [parse(example.get("definition", example)).key for example in examples]


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        ([], "", "type"),
        (document(key="*"), "/key", "name"),
        (document(type="number"), "/type", "unknown"),
        (document(color="red"), "/color", "unknown"),
        (document(key=None), "/key", "missing"),
        (document(enabled="yes"), "/enabled", "type"),
        (document(variants=[]), "/variants", "type"),
        (document(variants={}), "/variants", "count"),
        (document(variants={"*": True}), "/variants/*", "name"),
        (document(default_variant="maybe"), "/default_variant", "unknown"),
        (document(starts_at="tomorrow"), "/starts_at", "time"),
        (document(starts_at="2026-01-31T09:00:00Z", ends_at="2026-01-31T09:00:00Z"), "/ends_at", "order"),
        (document(rules=7), "/rules", "type"),
        (document(rules=[{"variant": "on"}] * 65), "/rules", "too_long"),
        (document(tenants=["acme"]), "/tenants/0", "uuid"),
        (document(tenants=[]), "/tenants", "count"),
        (document(prerequisites=[{"key": "new-checkout", "variant": "on"}]), "/prerequisites", "cycle"),
        (rule(variant="on", salt="x"), "/rules/0/salt", "unused"),
        (condition(values=[]), "/rules/0/conditions/0/values", "count"),
        (condition(attribute="targetingKey"), "/rules/0/conditions/0/attribute", "name"),
        *((condition(operator=one, values=[7]), "/rules/0/conditions/0/values/0", "type") for one in ("starts_with", "ends_with", "contains")),
        *((condition(operator=one, values=["7"]), "/rules/0/conditions/0/values/0", "type") for one in ("gt", "gte", "lt", "lte")),
        (condition(operator="gt", values=[1, 2]), "/rules/0/conditions/0/values", "count"),
        (condition(values=["x" * 257]), "/rules/0/conditions/0/values/0", "text"),
        (condition(values=[2**53]), "/rules/0/conditions/0/values/0", "range"),
        (condition(values=[math.inf]), "/rules/0/conditions/0/values/0", "number"),
    ],
)  # fmt: skip
def test_each_refusal_has_a_code_for_programs(sent: Any, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(sent)
    assert [(one.pointer, one.code) for one in caught.value.violations if one.pointer == pointer] == [(pointer, code)]


@pytest.mark.parametrize(("count", "place"), [(25_000, "/variants/on"), (MAX_BYTES // 2, ""), (10 * MAX_BYTES, "")])
def test_what_is_too_large_is_refused_before_each_value_costs_time_if_no_size_could_hold_so_many(count: int, place: str) -> None:
    found = refused(document(type="object", variants={"on": {"a": [1] * count}, "off": {}}))
    assert [pointer for pointer, message in found.items() if message.startswith(f"is larger than {MAX_BYTES} bytes of JSON")] == [place]
