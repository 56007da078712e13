"""One claimed job, carried out over the bus on behalf of who asked for it: permission, tenant and unit of work as for any request."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from api_base.application.common.cqrs import Bus
from api_base.application.common.jobs.declared import ATTEMPTS, Job, Jobs
from api_base.core.errors import ApiBaseError, JobLost, ProgrammingError, Transient, Unavailable
from api_base.core.protocols.jobs import ClaimedJob, JobState, PrincipalResolver
from api_base.core.shared import backoff
from api_base.core.shared.logging import get_logger
from api_base.core.shared.tracing import span
from api_base.core.types import NO_USER, Err, Principal, RequestContext, RunningJob, Settled, current_context

logger = get_logger(__name__)

MAX_ERROR_LENGTH: Final = 1000
"""Characters that are kept of an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is still to be written of a job; `result` is JSON. `error` is for operators, `public_error` for the user who enqueued the job.

    `failures` is 1 where it failed by itself. After a `pause` (seconds) it is tried again.
    """

    state: JobState
    result: str | None = None
    error: str | None = None
    public_error: str | None = None
    failures: int = 0
    pause: float = 0.0


class JobRunner:
    """`decode` makes a command of a class from JSON; it raises `ValueError` where it cannot. `encode` makes JSON of a result."""

    def __init__(
        self,
        bus: Bus,
        jobs: Jobs,
        principals: PrincipalResolver,
        decode: Callable[[bytes, type[Any]], Any],
        encode: Callable[[object], str | None],
    ) -> None:
        self._bus, self._jobs, self._principals, self._decode, self._encode = bus, jobs, principals, decode, encode

    async def run(self, claimed: ClaimedJob) -> Outcome | None:
        """What is still to be written of it; None where its unit of work has written all, and where it is no longer ours."""
        job = self._jobs.named(claimed.name)
        if job is None:
            return _failed(claimed, None, ProgrammingError(f"No context of this worker declares the job {claimed.name!r}."))
        try:
            return await self._execute(job, claimed)
        except JobLost:
            return None
        except Exception as error:
            return _failed(claimed, job, error)

    async def _execute(self, job: Job, claimed: ClaimedJob) -> Outcome | None:
        command = self._command(job, claimed)
        origin = RunningJob(id=claimed.id, tenant_id=claimed.tenant_id, attempt=claimed.attempt, command=command)
        context = RequestContext.caused_by(claimed.request_id, claimed.traceparent, None, origin)
        token = current_context.set(context)
        try:
            with span(job.name, {"job.id": str(claimed.id), "job.attempt": claimed.attempt}):
                async with asyncio.timeout(job.timeout):
                    principal = await self._principal(claimed)
                    if principal is not None:
                        current_context.set(context.acting(principal))
                    result = await self._bus.execute(command)
        finally:
            current_context.reset(token)
        if isinstance(result, Settled):
            return None
        if isinstance(result, Err):
            return _failed(claimed, job, result.error)
        return Outcome(state=JobState.SUCCEEDED, result=self._encode(result))

    def _command(self, job: Job, claimed: ClaimedJob) -> Any:
        try:
            return self._decode(claimed.payload, job.message)
        except ValueError as error:
            raise _Unreadable(f"{job.message.__name__} cannot be made of what was enqueued: {error}") from None

    async def _principal(self, claimed: ClaimedJob) -> Principal | None:
        """What nobody in particular asked for may do nothing that needs a permission; in a tenant, where it was enqueued for one."""
        if claimed.user_id != NO_USER:
            return await self._principals.resolve(claimed.user_id, claimed.tenant_id)
        if claimed.tenant_id is None:
            return None
        return Principal.without_permissions(NO_USER, claimed.tenant_id)


class _Unreadable(ApiBaseError):
    """Trying again makes no other bytes of it."""


def _failed(claimed: ClaimedJob, job: Job | None, error: Exception) -> Outcome:
    passing = isinstance(error, Transient | Unavailable)
    refused = isinstance(error, ApiBaseError) and not passing and not isinstance(error, ProgrammingError)
    attempts = ATTEMPTS if job is None else job.attempts
    dead = refused or (not passing and claimed.failures + 1 >= attempts)
    reason = f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
    logger.warning("job_failed", job=claimed.name, job_id=str(claimed.id), attempt=claimed.attempt, dead=dead, reason=reason)
    if dead:
        return Outcome(state=JobState.DEAD, error=reason, public_error=str(error)[:MAX_ERROR_LENGTH] if refused else None)
    return Outcome(state=JobState.WAITING, error=reason, failures=0 if passing else 1, pause=backoff.pause(claimed.attempt))
