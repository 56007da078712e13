"""Cancel a job."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import Conflict, NotFound
from api_base.core.protocols import ENDED, JobCancellation, JobState
from api_base.core.types import current_context, request_user


class JobEnded(Conflict):
    """The job has finished, so it cannot be cancelled."""

    def __init__(self, state: JobState) -> None:
        super().__init__(f"The job {_ENDED[state]}, so it cannot be cancelled.")


_ENDED = {JobState.SUCCEEDED: "has succeeded", JobState.DEAD: "has failed", JobState.CANCELLED: "is already cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob(Command[None]):
    """The user who started the job may cancel it. What it has committed stays; its open transaction is rolled back."""

    permission = AUTHENTICATED
    id: UUID


class CancelJobHandler:
    def __init__(self, cancellation: JobCancellation) -> None:
        self._cancellation = cancellation

    async def handle(self, command: CancelJob) -> None:
        """Cancel the job. Raises `NotFound` for a job of another user, `JobEnded` for a finished one."""
        before = await self._cancellation.cancel(command.id, request_user(), current_context.get().tenant_id)
        if before is None:
            raise NotFound("job", command.id)
        if before in ENDED:
            raise JobEnded(before)
