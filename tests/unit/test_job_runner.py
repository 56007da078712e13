"""A claimed job on the bus: on whose behalf, and what its outcome says to whom."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.common.cqrs import PUBLIC, Bus, Command, on
from api_base.application.common.jobs import Job
from api_base.application.common.jobs.declared import Jobs
from api_base.application.common.jobs.runner import JobRunner
from api_base.core.errors import RuleViolated, Unauthenticated
from api_base.core.protocols import ClaimedJob, JobState, PrincipalResolver
from api_base.core.types import NO_USER, Principal, TenantId, UserId, current_context
from api_base.infrastructure.serialization.json_codec import decode_as
from tests.factories.auth import principal

USER, TENANT = UserId(UUID(int=1)), TenantId(UUID(int=2))
ANA = replace(principal(), user_id=USER, tenant_id=TENANT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command[int]):
    permission = PUBLIC
    number: int = 7


class Handler:
    def __init__(self, do: Callable[[Note], int]) -> None:
        self.do = do

    async def handle(self, message: Note) -> int:
        return self.do(message)


class Known(PrincipalResolver):
    """Knows one user."""

    async def resolve(self, user_id: UserId, tenant_id: TenantId | None) -> Principal:
        if (user_id, tenant_id) != (USER, TENANT):
            raise Unauthenticated("The membership has ended.")
        return ANA


def runner(do: Callable[[Note], int] = lambda note: note.number) -> JobRunner:
    bus, jobs = Bus([]), Jobs()
    bus.add([on(Note, Handler(do))])
    jobs.add([Job(name="tests.note", message=Note, attempts=3)])
    return JobRunner(bus, jobs, Known(), decode_as, str, lambda attempt: 10.0 * attempt)


def claimed(**changes: Any) -> ClaimedJob:
    job = ClaimedJob(
        id=uuid4(), tenant_id=TENANT, user_id=USER, name="tests.note", attempt=1, failures=0, request_id="r", traceparent="", payload=b"{}"
    )
    return replace(job, **changes)


@pytest.mark.parametrize(
    ("user", "tenant", "who"),
    [(USER, TENANT, ANA), (NO_USER, TENANT, Principal.without_permissions(NO_USER, TENANT)), (NO_USER, None, None)],
    ids=["a user", "a tenant", "nobody"],
)
async def test_a_job_acts_for_whom_it_was_enqueued(user: UserId, tenant: TenantId | None, who: Principal | None) -> None:
    seen: list[Principal | None] = []

    def look(note: Note) -> int:
        seen.append(current_context.get().principal)
        return note.number

    outcome = await runner(look).run(claimed(user_id=user, tenant_id=tenant))
    assert outcome is not None
    assert (outcome.state, outcome.result, seen) == (JobState.SUCCEEDED, "7", [who])


async def test_a_job_of_who_is_no_member_any_more_is_not_executed() -> None:
    def never(note: Note) -> int:
        raise AssertionError("executed")

    outcome = await runner(never).run(claimed(user_id=UserId(uuid4())))
    assert outcome is not None
    assert (outcome.state, outcome.public_error) == (JobState.DEAD, "The membership has ended.")


def fail(error: Exception) -> Callable[[Note], int]:
    def do(note: Note) -> int:
        raise error

    return do


async def test_the_error_of_a_failed_attempt_is_for_operators_only_and_the_attempts_end() -> None:
    broken = runner(fail(RuntimeError("a secret of the inside")))
    first = await broken.run(claimed())
    last = await broken.run(claimed(attempt=3, failures=2))
    assert first is not None
    assert last is not None
    assert (first.state, first.failures, first.delay, first.error) == (JobState.WAITING, 1, 10.0, "RuntimeError: a secret of the inside")
    assert (last.state, last.error) == (JobState.DEAD, "RuntimeError: a secret of the inside")
    assert (first.public_error, last.public_error) == (None, None)


@pytest.mark.parametrize("length", [983, 984, 5000])
async def test_errors_are_stored_up_to_a_thousand_characters(length: int) -> None:
    outcome = await runner(fail(RuleViolated("x" * length))).run(claimed())
    assert outcome is not None
    assert outcome.state is JobState.DEAD
    assert outcome.error == ("RuleViolated: " + "x" * length)[:1000]
    assert outcome.public_error == ("x" * length)[:1000]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "tests.gone"}, "No context of this worker declares the job 'tests.gone'."),
        ({"payload": b"{"}, "The payload of the job is not a Note"),
    ],
    ids=["unknown", "unreadable"],
)
async def test_what_no_worker_can_execute_says_why(changes: dict[str, Any], reason: str) -> None:
    outcome = await runner().run(claimed(**changes))
    assert outcome is not None
    assert outcome.error is not None
    assert reason in outcome.error
