"""Executes a claimed job on the bus, on behalf of the user who enqueued it: permission, tenant and unit of work as in any request."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from api_base.application.common.cqrs import Bus
from api_base.application.common.jobs.declared import ATTEMPTS, Job, Jobs
from api_base.application.common.retry_policy import JOB_REFUSALS, RetryPolicy
from api_base.core.errors import ApiBaseError, JobLost, ProgrammingError
from api_base.core.protocols import ClaimedJob, JobState, PrincipalResolver
from api_base.core.shared import backoff
from api_base.core.shared.logging import get_logger
from api_base.core.shared.trace_units import CONSUMER, unit
from api_base.core.shared.tracing import Attributes, fail
from api_base.core.types import NO_USER, Err, Principal, RequestContext, RunningJob, Settled, current_context

logger = get_logger(__name__)

MAX_ERROR_LENGTH: Final = 1000
"""Characters of an error that are stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a job that is not written yet.

    `result` is JSON. `error` is for operators, `public_error` for the user who enqueued the job.

    `failures` is 1 if the job itself failed. A WAITING job is due again after `delay` seconds.
    """

    state: JobState
    result: str | None = None
    error: str | None = None
    public_error: str | None = None
    failures: int = 0
    delay: float = 0.0


class JobRunner:
    """`decode` converts JSON to a command of a class, or raises `ValueError`.

    `encode` converts a result to JSON. `retry_delay` returns the seconds to wait after an attempt (from 1).
    """

    def __init__(
        self,
        bus: Bus,
        jobs: Jobs,
        principals: PrincipalResolver,
        decode: Callable[[bytes, type[Any]], Any],
        encode: Callable[[object], str | None],
        retry_delay: Callable[[int], float] = backoff.delay,
    ) -> None:
        self._policy = RetryPolicy(refusals=JOB_REFUSALS, delay=retry_delay)
        self._bus, self._jobs, self._principals, self._decode, self._encode = bus, jobs, principals, decode, encode

    async def run(self, claimed: ClaimedJob) -> Outcome | None:
        """Execute the job. Returns the outcome to write; None if its unit of work has written the outcome, or if the job was lost."""
        job = self._jobs.named(claimed.name)
        if job is None:
            return self._failed(claimed, None, ProgrammingError(f"No context of this worker declares the job {claimed.name!r}."))
        try:
            return await self._execute(job, claimed)
        except JobLost:
            return None
        except Exception as error:
            return self._failed(claimed, job, error)

    async def _execute(self, job: Job, claimed: ClaimedJob) -> Outcome | None:
        command = self._command(job, claimed)
        origin = RunningJob(id=claimed.id, tenant_id=claimed.tenant_id, attempt=claimed.attempt, command=command)
        context = RequestContext.caused_by(claimed.request_id, claimed.traceparent, None, origin)
        with unit(context, f"process {job.name}", _attributes(claimed), kind=CONSUMER, links=[claimed.traceparent]) as current:
            async with asyncio.timeout(job.timeout):
                principal = await self._principal(claimed)
                if principal is not None:
                    current_context.set(current_context.get().acting(principal))
                result = await self._bus.execute(command)
            if isinstance(result, Err):
                fail(current, result.error)
        if isinstance(result, Settled):
            return None
        if isinstance(result, Err):
            return self._failed(claimed, job, result.error)
        return Outcome(state=JobState.SUCCEEDED, result=self._encode(result))

    def _command(self, job: Job, claimed: ClaimedJob) -> Any:
        try:
            return self._decode(claimed.payload, job.message)
        except ValueError as error:
            raise _Unreadable(f"The payload of the job is not a {job.message.__name__}: {error}") from None

    async def _principal(self, claimed: ClaimedJob) -> Principal | None:
        """A job without a user has no permissions; it acts in the tenant that it was enqueued for."""
        if claimed.user_id != NO_USER:
            return await self._principals.resolve(claimed.user_id, claimed.tenant_id)
        if claimed.tenant_id is None:
            return None
        return Principal.without_permissions(NO_USER, claimed.tenant_id)

    def _failed(self, claimed: ClaimedJob, job: Job | None, error: Exception) -> Outcome:
        attempts = ATTEMPTS if job is None else job.attempts
        decision = self._policy.decide(error, attempt=claimed.attempt, failures=claimed.failures, max_failures=attempts)
        reason = f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
        logger.warning("job_failed", job=claimed.name, job_id=str(claimed.id), attempt=claimed.attempt, dead=decision.dead, reason=reason)
        if decision.dead:
            return Outcome(state=JobState.DEAD, error=reason, public_error=str(error)[:MAX_ERROR_LENGTH] if decision.refused else None)
        return Outcome(state=JobState.WAITING, error=reason, failures=0 if decision.outage else 1, delay=decision.delay)


def _attributes(claimed: ClaimedJob) -> Attributes:
    return {
        "messaging.system": "postgresql",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": claimed.name,
        "messaging.message.id": str(claimed.id),
        "job.attempt": claimed.attempt,
    }


class _Unreadable(ApiBaseError):
    """A retry would read the same bytes."""
