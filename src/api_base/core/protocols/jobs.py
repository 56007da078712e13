"""Jobs: commands that a worker executes later, on behalf of who asked. A row in the database is the truth of each."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from api_base.core.types.ids import TenantId, UserId
from api_base.core.types.origin import RunningJob
from api_base.core.types.principal import Principal

NO_DELAY: Final = timedelta(0)


class JobState(StrEnum):
    """WAITING is for its time, READY for a worker. A DEAD one has failed for good, and stays until somebody looks at it."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({JobState.SUCCEEDED, JobState.DEAD, JobState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job in the hands of a worker. `payload` is JSON of its command; `attempt` counts from 1; `failures` are the
    attempts that failed by themselves, not for something that was down; `traceparent` may be empty."""

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
    """Where commands are put for later. Part of the unit of work: no commit, no job."""

    async def enqueue(self, message: object, *, unique: str | None = None, delay: timedelta = NO_DELAY, priority: int = 0) -> UUID:
        """The id of the job that will execute `message`, for the user and tenant of the request in hand, whose permission is checked.

        With `unique` again, for the same kind of job and tenant: the id of the first, and nothing is added. `priority` from -100
        to 100 counts within the tenant, the greatest first. Raises `Unauthenticated` or `Forbidden` for who may not send the message,
        `NoTransaction` outside a unit of work, `ProgrammingError` for a message that no context declares as a job.
        """
        ...


class JobCompletion(Protocol):
    """Writes the outcome of the current job in the transaction of its effects."""

    def settle(self, job: RunningJob, result: object) -> bool:
        """Make the open unit of work write that `job` ended with `result`. False if it will not: the unit writes nothing at all.

        The commit raises `JobLost` if this worker no longer owns the job.
        """
        ...


class JobProgress(Protocol):
    """Reports how far the current job is."""

    def advance(self, percent: int) -> None:
        """Write `percent` (0 to 100) in the open unit of work. Does nothing outside a job.

        The commit raises `JobLost`, and writes nothing, if the job was cancelled or belongs to another worker. Meant for jobs that
        work in several units of work (`Isolation.NONE`). Raises `NoTransaction` outside a unit of work.
        """
        ...


class JobCancellation(Protocol):
    """Ends jobs that are not wanted any more."""

    async def cancel(self, id: UUID, user_id: UserId, tenant_id: TenantId | None) -> JobState | None:
        """The state in which the job of this user was, None where there is none; one that had ended stays as it is.

        From the commit of the open unit of work on, no other can commit for the job. Raises `NoTransaction` outside one.
        """
        ...


class PrincipalResolver(Protocol):
    """Who stands behind what is done later."""

    async def resolve(self, user_id: UserId, tenant_id: TenantId | None) -> Principal:
        """The user as a principal, as of now. Raises `Unauthenticated` when the user or the membership has ended."""
        ...
