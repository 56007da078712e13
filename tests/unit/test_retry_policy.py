"""Retried or dead: the decision for jobs and for deliveries, by error and number of failures."""

from collections.abc import Iterator

import pytest

from api_base.application.common.retry_policy import DELIVERY_REFUSALS, JOB_REFUSALS, Decision, RetryPolicy
from api_base.core import errors
from api_base.core.errors import ApiBaseError, EventRefused, NotFound, ProgrammingError, RuleViolated, Transient, Unavailable

RETRIED = Decision(dead=False, refused=False, outage=False, delay=7.0)
WAITS_FOR_THE_END_OF_AN_OUTAGE = Decision(dead=False, refused=False, outage=True, delay=7.0)
FAILED_TOO_OFTEN = Decision(dead=True, refused=False, outage=False, delay=0.0)
REFUSED = Decision(dead=True, refused=True, outage=False, delay=0.0)


class OutOfStock(RuleViolated):
    """An error of a context."""


def decide(refusals: tuple[type[Exception], ...], error: Exception, failures: int = 0) -> Decision:
    return RetryPolicy(refusals=refusals, delay=lambda attempt: float(attempt)).decide(error, attempt=7, failures=failures, max_failures=3)


@pytest.mark.parametrize("refusals", [JOB_REFUSALS, DELIVERY_REFUSALS], ids=["job", "delivery"])
@pytest.mark.parametrize("error", [ValueError("bug"), TimeoutError(), ProgrammingError("no handler")], ids=repr)
def test_a_failure_is_retried_until_there_are_too_many(refusals: tuple[type[Exception], ...], error: Exception) -> None:
    assert [decide(refusals, error, failures) for failures in (0, 1, 2, 3)] == [RETRIED, RETRIED, FAILED_TOO_OFTEN, FAILED_TOO_OFTEN]


@pytest.mark.parametrize("refusals", [JOB_REFUSALS, DELIVERY_REFUSALS], ids=["job", "delivery"])
@pytest.mark.parametrize("error", [Transient("deadlock"), Unavailable("broker")], ids=repr)
def test_an_outage_is_retried_however_often_it_failed(refusals: tuple[type[Exception], ...], error: Exception) -> None:
    assert [decide(refusals, error, failures) for failures in (0, 2, 1000)] == [WAITS_FOR_THE_END_OF_AN_OUTAGE] * 3


def test_an_outage_of_any_length_is_noticed_to_have_ended_within_seconds() -> None:
    policy = RetryPolicy(refusals=(), delay=lambda attempt: 2.0**attempt)
    delays = [policy.decide(Unavailable("away"), attempt=attempt, failures=0, max_failures=3).delay for attempt in (1, 4, 5, 20)]
    assert delays == [2.0, 16.0, 20.0, 20.0]
    assert policy.decide(ValueError("bug"), attempt=6, failures=0, max_failures=3).delay == 64.0


@pytest.mark.parametrize("error", [OutOfStock("sold out"), NotFound("item", 1), EventRefused(1, "unreadable")], ids=repr)
def test_a_job_that_is_refused_is_dead_at_once(error: Exception) -> None:
    assert decide(JOB_REFUSALS, error) == REFUSED


def test_a_delivery_is_dead_at_once_only_for_an_event_that_cannot_be_handled() -> None:
    assert decide(DELIVERY_REFUSALS, EventRefused(1, "unreadable")) == REFUSED
    assert decide(DELIVERY_REFUSALS, NotFound("item", 1)) == RETRIED  # the event that creates it may arrive later
    assert decide(DELIVERY_REFUSALS, OutOfStock("sold out"), failures=2) == FAILED_TOO_OFTEN


def test_every_error_of_the_tree_is_an_outage_a_fault_or_a_refusal_of_a_job() -> None:
    """Whoever adds a class to `core.errors` sees here what it means for a job."""
    retried = {kind for kind in subclasses(ApiBaseError) if not decide(JOB_REFUSALS, kind.__new__(kind, "x")).dead}
    assert retried == {Transient, Unavailable, ProgrammingError, errors.NoTransaction}


def subclasses(kind: type[ApiBaseError]) -> Iterator[type[ApiBaseError]]:
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from subclasses(one)
