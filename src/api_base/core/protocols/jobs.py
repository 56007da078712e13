"""Jobs: commands that a worker executes later, on behalf of the user who enqueued them; and the periodic tasks of workers.

The database row is the authoritative state of a job.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from api_base.core.types import RunningJob, TenantId, UserId

NO_DELAY: Final = timedelta(0)


class JobState(StrEnum):
    """WAITING waits for its time, READY for a worker. A DEAD job has failed permanently, and stays until an operator handles it."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({JobState.SUCCEEDED, JobState.DEAD, JobState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job that a worker has claimed. `payload` is the command as JSON; `attempt` counts from 1; `failures` counts the
    attempts that failed through the job's own fault, not through an outage; `traceparent` is as `RequestContext.propagated`, or empty."""

    id: UUID
    tenant_id: TenantId | None
    user_id: UserId
    name: str
    attempt: int
    failures: int
    request_id: str
    traceparent: str
    payload: bytes


class JobQueue(Protocol):
    """Enqueues commands for later. The unit of work writes the job, so its rollback removes the job."""

    async def enqueue(self, message: object, *, unique: str | None = None, delay: timedelta = NO_DELAY, priority: int = 0) -> UUID:
        """Enqueue `message` and return the id of the job, for the user and tenant of the request, whose permission is checked.

        A second call with the same `unique`, for the same kind of job and tenant, returns the id of the first job and adds none.
        `priority` from -100 to 100 counts within the tenant, the greatest first. Raises `Unauthenticated` or `Forbidden` for a caller
        who may not send the message, `NoTransaction` outside a unit of work, `ProgrammingError` for a message that no context
        declares as a job.
        """


class JobCompletion(Protocol):
    """Writes the outcome of the current job in the transaction of its effects."""

    def settle(self, job: RunningJob, result: object) -> bool:
        """Make the open unit of work write that `job` ended with `result`. Returns False if it will not, because the unit writes nothing.

        The commit raises `JobLost` if this worker no longer owns the job.
        """


class JobProgress(Protocol):
    """Reports the progress of the current job."""

    def advance(self, percent: int) -> None:
        """Write `percent` (0 to 100) in the open unit of work. Does nothing outside a job.

        The commit raises `JobLost`, and writes nothing, if the job was cancelled or belongs to another worker. Meant for jobs that
        work in several units of work (`Isolation.NONE`). Raises `NoTransaction` outside a unit of work.
        """


class JobCancellation(Protocol):
    """Cancels jobs."""

    async def cancel(self, id: UUID, user_id: UserId, tenant_id: TenantId | None) -> JobState | None:
        """The state of this user's job before the call, None where no such job exists; a job that had ended stays as it is.

        After the commit of the open unit of work, no other can commit for the job. Raises `NoTransaction` outside one.
        """


async def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """Each worker calls `run` every `interval` seconds, and again immediately when it returns that there is more to do.

    A NOTIFY on `channel` calls it earlier. It must be safe to run in several workers at the same time.
    A run that lasts longer than `timeout` seconds is cancelled, reported and begun again.
    `api-base worker --only` selects by `group`. `end` is called once when the worker ends, after the last `run`.
    """

    name: str
    interval: float
    run: Callable[[], Awaitable[bool]]
    group: str = "schedules"
    channel: str | None = None
    timeout: float = 120.0
    end: Callable[[], Awaitable[None]] = _nothing
