"""Jobs: commands that a worker executes later, on behalf of who asked. A row in the database is the truth of each."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from api_base.core.types.ids import TenantId, UserId
from api_base.core.types.jobs import RunningJob
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
    """What became of the job in hand, written with its effects."""

    def settle(self, job: RunningJob, result: object) -> bool:
        """Have the open unit of work write that `job` ended in `result`; whether it will: one that writes nothing does not.

        The commit raises `JobLost` where the job is no longer this worker's.
        """
        ...


class JobProgress(Protocol):
    """How far the job in hand is."""

    def advance(self, percent: int) -> None:
        """Keep `percent` (0 to 100) as part of the open unit of work, whose commit raises `JobLost`, and keeps nothing, where the job was
        cancelled or is another worker's by now. Does nothing outside a job.

        For what is done piece by piece, each with its own unit of work (`Isolation.NONE`). Raises `NoTransaction` outside one.
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
