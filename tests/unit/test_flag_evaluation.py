"""The value of a flag for each caller, and its reason."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.errors import Invalid
from api_base.domain.flags.definition import FlagType
from api_base.domain.flags.document import parse
from api_base.domain.flags.evaluation import NOT_FOUND, TYPE_MISMATCH, Evaluation, Reason, Snapshot
from tests.factories.flags import CONTEXTS, document, documents, percentage, snapshot

KEY = "new-checkout"
USERS = [str(UUID(int=number)) for number in range(10_000)]


def members(on: int, **changes: Any) -> set[str]:
    flags = snapshot(percentage(on, **changes))
    return {user for user in USERS if flags.evaluate(KEY, {"user": user}).value}


@given(documents(), CONTEXTS, st.sampled_from(FlagType))
def test_evaluation_never_raises_and_repeats_itself(sent: dict[str, Any], context: dict[str, Any], kind: FlagType) -> None:
    key, flags = sent["key"], snapshot(sent)
    found = flags.evaluate(key, context)
    assert snapshot(sent).evaluate(key, context) == found
    assert found.value == (None if found.variant is None else flags.definitions[key].variants[found.variant])
    if (converted := flags.evaluate_as(key, kind, context)).error is None:
        assert (converted.value, converted.variant) == (found.value, found.variant)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.text(max_size=20))
def test_raising_a_percentage_moves_nobody_out(first: int, second: int, user: str) -> None:
    low, high = sorted([first, second])
    before, after = snapshot(percentage(low)), snapshot(percentage(high))
    assert bool(before.evaluate(KEY, {"user": user}).value) <= bool(after.evaluate(KEY, {"user": user}).value)


@st.composite
def growing_splits(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, int], str]:
    """Weights, weights of which one has grown and no other has, and the name of that one."""
    cuts = sorted(draw(st.lists(st.integers(0, 10_000), min_size=3, max_size=3)))
    before = dict(zip("abcd", (end - start for start, end in zip([0, *cuts], [*cuts, 10_000], strict=True)), strict=True))
    grown = draw(st.sampled_from("abcd"))
    after = {name: weight if name == grown else draw(st.integers(0, weight)) for name, weight in before.items()}
    return before, after | {grown: 10_000 - sum(weight for name, weight in after.items() if name != grown)}, grown


@given(growing_splits(), st.sampled_from(USERS))
def test_a_variant_that_grows_keeps_all_that_it_had(splits: tuple[dict[str, int], dict[str, int], str], user: str) -> None:
    before, after, grown = splits
    served = [
        snapshot(document(type="string", variants={name: name for name in "abcd"}, default_variant="a", rules=[{"split": split}]))
        .evaluate(KEY, {"user": user})
        .variant
        for split in (before, after)
    ]
    assert served[0] != grown or served[1] == grown


def test_each_variant_gets_its_share() -> None:
    split = {"a": 500, "b": 2_500, "c": 7_000}
    flags = snapshot(document(type="string", variants={name: name for name in "abc"}, default_variant="a", rules=[{"split": split}]))
    counts = Counter(flags.evaluate(KEY, {"user": user}).variant for user in USERS)
    for name, weight in split.items():
        assert abs(counts[name] - weight) < 4 * (weight * (1 - weight / 10_000)) ** 0.5  # four standard deviations


def test_the_buckets_of_two_flags_are_independent_unless_they_share_a_salt() -> None:
    one = members(5_000)
    other = {user for user in USERS if snapshot(percentage(5_000, key="other")).evaluate("other", {"user": user}).value}
    assert abs(len(one & other) - 2_500) < 4 * (10_000 * 0.25 * 0.75) ** 0.5
    salted = snapshot(document(rules=[{"split": {"on": 5_000, "off": 5_000}, "salt": "other"}]))
    assert {user for user in USERS if salted.evaluate(KEY, {"user": user}).value} == other


def test_buckets_are_the_same_in_each_release() -> None:
    """Whoever changes the digest moves users between variants."""
    flags = snapshot(document(type="integer", variants={f"v{i}": i for i in range(10)}, default_variant="v0", rules=[{"split": {f"v{i}": 1_000 for i in range(10)}}]))  # fmt: skip
    assert [flags.evaluate(KEY, {"user": user}).value for user in ("ana", "bo", "carla", "dan", "", "é", 7)] == [3, 9, 7, 8, 8, 0, 0]


@pytest.mark.parametrize("user", [None, True, 1.5, [USERS[0]], {"id": 1}, 10**5_000], ids=lambda value: str(type(value)))
def test_a_split_does_not_match_without_a_text_or_an_integer_to_bucket_by(user: object) -> None:
    assert snapshot(percentage(10_000)).evaluate(KEY, {"user": user}) == Evaluation(False, "off", Reason.DEFAULT)


def test_a_split_may_bucket_by_any_attribute() -> None:
    flags = snapshot(document(rules=[{"split": {"on": 5_000, "off": 5_000}, "bucket_by": "tenant"}]))
    assert len({flags.evaluate(KEY, {"user": user, "tenant": "acme"}) for user in USERS[:100]}) == 1


@pytest.mark.parametrize(
    ("operator", "values", "holds", "fails"),
    [
        (
            "in",
            ["pro", 7, True],
            ["pro", 7, 7.0, True, ["free", "pro"], ("pro",)],
            ["Pro", "7", 1, False, None, [], ["free"], {"pro": 1}, 8],
        ),
        ("not_in", ["pro", 0], ["free", 1, False, [], ["free"]], ["pro", 0, 0.0, None, ["free", "pro"]]),
        ("starts_with", ["ana@", "bo@"], ["ana@example.com", ["x", "bo@x"]], ["xana@", "", 1, None]),
        ("ends_with", ["@example.com"], ["ana@example.com"], ["@example.com.evil", None, 5]),
        ("contains", ["ana"], ["banana", ["ana"]], ["ban", None, 5]),
        ("gt", [18], [19, 18.5, 10**400, float("inf"), [1, 19]], [18, 17, "19", True, None, float("nan")]),
        ("gte", [18], [18, 18.0], [17.9, "18"]),
        ("lt", [0], [-1, float("-inf")], [0, False, "-1", float("nan")]),
        ("lte", [1.5], [1.5, 1, 0], [2, True]),
    ],
)
def test_conditions_hold_as_documented(operator: str, values: list[Any], holds: list[Any], fails: list[Any]) -> None:
    conditions = [{"attribute": "x", "operator": operator, "values": values}]
    flags = snapshot(document(rules=[{"conditions": conditions, "variant": "on"}]))
    assert [value for value in holds if flags.evaluate(KEY, {"x": value}) != Evaluation(True, "on", Reason.TARGETING_MATCH)] == []
    assert [value for value in fails if flags.evaluate(KEY, {"x": value}) != Evaluation(False, "off", Reason.DEFAULT)] == []
    assert flags.evaluate(KEY, {}) == Evaluation(False, "off", Reason.DEFAULT)


def test_all_conditions_of_a_rule_have_to_hold_and_the_first_rule_that_matches_decides() -> None:
    plan = {"attribute": "plan", "operator": "in", "values": ["pro"]}
    role = {"attribute": "role", "operator": "in", "values": ["owner"]}
    flags = snapshot(
        document(
            type="string",
            variants={name: name for name in ("both", "plan", "none")},
            default_variant="none",
            rules=[{"conditions": [plan, role], "variant": "both"}, {"conditions": [plan], "variant": "plan"}],
        )
    )
    served = [flags.evaluate(KEY, {"plan": plan, "role": role}).value for plan in ("pro", "free") for role in ("owner", "member")]
    assert served == ["both", "plan", "none", "none"]


def test_a_flag_that_is_switched_off_serves_its_off_variant_or_the_default_of_the_caller() -> None:
    rules = [{"variant": "on"}]
    assert snapshot(document(enabled=False, rules=rules, off_variant="off")).evaluate(KEY, {}) == Evaluation(False, "off", Reason.DISABLED)
    assert snapshot(document(enabled=False, rules=rules)).evaluate(KEY, {}) == Evaluation(None, None, Reason.DISABLED)


def test_a_schedule_starts_at_its_start_and_ends_at_its_end() -> None:
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    now = start
    flags = snapshot(
        document(starts_at="2026-03-01T09:00:00Z", ends_at="2026-03-01T10:00:00Z", default_variant="on", off_variant="off"),
        clock=lambda: now.timestamp(),
    )
    served = []
    for offset in (-timedelta(microseconds=1), timedelta(), timedelta(minutes=59, seconds=59.9), timedelta(hours=1)):
        now = start + offset
        served.append(flags.evaluate(KEY, {}))
    off, on = Evaluation(False, "off", Reason.DISABLED), Evaluation(True, "on", Reason.DEFAULT)
    assert served == [off, on, on, off]


def test_a_flag_is_off_unless_each_prerequisite_is_on_and_serves_the_named_variant() -> None:
    plan = [{"conditions": [{"attribute": "plan", "operator": "in", "values": ["pro"]}], "variant": "on"}]
    required = [{"key": "base", "variant": "on"}]
    dependent = document(default_variant="on", off_variant="off", prerequisites=required)

    def served(**base: Any) -> list[Evaluation]:
        flags = snapshot(dependent, document(key="base", rules=plan, **base))
        return [flags.evaluate(KEY, {"plan": plan}) for plan in ("pro", "free")]

    off, on = Evaluation(False, "off", Reason.DISABLED), Evaluation(True, "on", Reason.DEFAULT)
    assert served() == [on, off]
    assert served(enabled=False) == [off, off]
    assert served(enabled=False, off_variant="on") == [off, off]
    assert served(tenants=[USERS[0]]) == [off, off]


def test_a_flag_of_some_tenants_does_not_exist_for_others() -> None:
    flags = snapshot(document(tenants=[USERS[0]]))
    assert flags.evaluate(KEY, {"tenant": USERS[0]}) == Evaluation(False, "off", Reason.STATIC)
    assert [flags.evaluate(KEY, {"tenant": tenant}) for tenant in (USERS[1], None, [USERS[0]], {})] == [NOT_FOUND] * 4


@pytest.mark.parametrize(
    ("kind", "value", "wanted", "found"),
    [
        ("integer", 10, FlagType.FLOAT, 10.0),
        ("float", 10.0, FlagType.INTEGER, 10),
        ("float", 0.5, FlagType.INTEGER, None),
        ("boolean", True, FlagType.INTEGER, None),
        ("integer", 1, FlagType.BOOLEAN, None),
        ("string", "1", FlagType.INTEGER, None),
        ("object", {}, FlagType.STRING, None),
    ],
)
def test_numbers_convert_without_loss_and_nothing_else_converts(kind: str, value: Any, wanted: FlagType, found: Any) -> None:
    result = snapshot(document(type=kind, variants={"only": value}, default_variant="only")).evaluate_as(KEY, wanted, {})
    assert result == (TYPE_MISMATCH if found is None else Evaluation(found, "only", Reason.STATIC))
    assert type(result.value) is type(found)


def test_a_number_that_is_off_leaves_the_default_of_the_caller_in_both_types() -> None:
    flags = snapshot(document(type="integer", variants={"on": 1}, default_variant="on", enabled=False))
    assert flags.evaluate_as(KEY, FlagType.FLOAT, {}) == Evaluation(None, None, Reason.DISABLED)
    assert flags.evaluate_as(KEY, FlagType.STRING, {}) == TYPE_MISMATCH


def test_a_snapshot_with_a_cycle_is_refused_whole() -> None:
    with pytest.raises(Invalid, match="a -> b -> a"):
        Snapshot([parse(document(key=a, prerequisites=[{"key": b, "variant": "on"}])) for a, b in ("ab", "ba")])
