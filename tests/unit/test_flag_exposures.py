"""What evaluations leave behind: counts, and of tracked flags who got which variant; bounded, and never in the way."""

from typing import Final
from uuid import uuid4

import pytest

from api_base.application.services.feature_flags import CurrentFlags
from api_base.application.services.feature_flags.clients import EvaluateFlag, EvaluateFlagHandler, EvaluateFlags, EvaluateFlagsHandler
from api_base.application.services.feature_flags.exposures import CALLERS_DEFAULT, MAX_EXPOSURES, MAX_TEXT, Exposure, Report
from api_base.domain.flags.definition import FlagType
from api_base.infrastructure.observability.counters import EVALUATIONS, Counters
from api_base.infrastructure.observability.exposition import MergedMetrics
from tests.factories.flags import document, snapshot
from tests.support import act_for

ANA: Final = {"tenant": "acme", "user": "ana"}


@pytest.fixture
def flags() -> CurrentFlags:
    current = CurrentFlags()
    current.replace(snapshot(document(key="plain"), document(key="tracked"), document(key="gone", enabled=False)))
    current.exposures.tracked = frozenset({"tracked"})
    return current


def evaluate(flags: CurrentFlags, key: str, context: dict[str, object] | None = None) -> None:
    flags.evaluate(key, FlagType.BOOLEAN, context or {})


def test_evaluations_are_counted_by_variant_until_they_are_taken(flags: CurrentFlags) -> None:
    for key in ("plain", "plain", "tracked", "gone", "unknown"):
        evaluate(flags, key)
    flags.evaluate("plain", FlagType.STRING, {})
    report = flags.exposures.take()
    assert report.counts == {("plain", "off"): 2, ("tracked", "off"): 1, ("gone", CALLERS_DEFAULT): 1}
    assert flags.exposures.take() == ({}, [], 0)


def test_an_exposure_of_a_tracked_flag_is_kept_once(flags: CurrentFlags) -> None:
    for context in (ANA, ANA, {"user": "bo"}, {"user": 7, "tenant": None}):
        evaluate(flags, "tracked", context)
        evaluate(flags, "plain", context)
    assert flags.exposures.take().exposures == [
        Exposure("tracked", "off", "acme", "ana"),
        Exposure("tracked", "off", "", "bo"),
        Exposure("tracked", "off", "", ""),
    ]


def test_exposures_are_bounded_and_what_is_dropped_is_counted(flags: CurrentFlags) -> None:
    for number in range(MAX_EXPOSURES + 5):
        evaluate(flags, "tracked", {"user": str(number)})
    evaluate(flags, "tracked", {"user": "0"})
    report = flags.exposures.take()
    assert (len(report.exposures), report.dropped) == (MAX_EXPOSURES, 5)
    evaluate(flags, "tracked", {"user": "x" * 1_000_000})
    assert [len(one.user) for one in flags.exposures.take().exposures] == [MAX_TEXT]


def test_what_cannot_be_stored_of_a_user_is_replaced(flags: CurrentFlags) -> None:
    for user in ("a\0b", "a\ud800"):
        evaluate(flags, "tracked", {"user": user})
    assert [one.user for one in flags.exposures.take().exposures] == ["a\ufffdb", "a\ufffd"]


def test_an_evaluation_in_another_thread_does_not_change_a_report_that_was_taken(flags: CurrentFlags) -> None:
    class Key(str):
        """A key whose evaluation is overtaken by a report."""

        def __hash__(self) -> int:
            reports.append(flags.exposures.take())
            return super().__hash__()

    reports: list[Report] = []
    flags.exposures.counts["plain", "on"] += 1
    flags.exposures.counts[Key("plain"), "off"] += 1
    assert reports[0].counts == {("plain", "on"): 1}


async def test_a_client_is_exposed_to_one_flag_that_it_asks_for_and_not_by_asking_for_all(flags: CurrentFlags) -> None:
    """Who is exposed is the caller of the access token, not the user of the client's context."""
    tenant, user = uuid4(), uuid4()
    act_for(tenant, user)
    flags.replace(snapshot(document(key="tracked", client=True)))
    await EvaluateFlagsHandler(flags).handle(EvaluateFlags(context={}))
    await EvaluateFlagHandler(flags).handle(EvaluateFlag(key="unknown", context={}))
    assert flags.exposures.take() == ({}, [], 0)
    await EvaluateFlagHandler(flags).handle(EvaluateFlag(key="tracked", context={"user": "claimed"}))
    assert flags.exposures.take() == ({("tracked", "off"): 1}, [Exposure("tracked", "off", str(tenant), str(user))], 0)


def test_the_metrics_show_evaluations_by_flag_and_variant() -> None:
    counters = Counters()
    counters.evaluated("a", "on", 2)
    counters.evaluated("a", "on", 3)
    counters.evaluated("a", CALLERS_DEFAULT, 1)
    for number in range(EVALUATIONS):
        counters.evaluated(f"many-{number}", "on", 1)
    lines = MergedMetrics(counters).exposition("")[0].decode().splitlines()
    assert 'feature_flag_evaluations_total{flag="a",variant="on"} 5.0' in lines
    assert 'feature_flag_evaluations_total{flag="a",variant=""} 1.0' in lines
    assert sum(line.startswith("feature_flag_evaluations_total{") for line in lines) == EVALUATIONS
