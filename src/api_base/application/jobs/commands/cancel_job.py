"""End a job that is not wanted any more."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import Conflict, NotFound
from api_base.core.protocols import ENDED, JobCancellation, JobState
from api_base.core.types import current_context, request_user


class JobEnded(Conflict):
    """There is nothing left to cancel."""

    def __init__(self, state: JobState) -> None:
        super().__init__(f"The job {_ENDED[state]} already: there is nothing to cancel.")


_ENDED = {JobState.SUCCEEDED: "has succeeded", JobState.DEAD: "has failed", JobState.CANCELLED: "was cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob(Command[None]):
    """Whoever began it may end it. What it has done so far stays, but for its transaction in hand."""

    permission: ClassVar[str] = AUTHENTICATED
    id: UUID


class CancelJobHandler:
    def __init__(self, cancellation: JobCancellation) -> None:
        self._cancellation = cancellation

    async def handle(self, command: CancelJob) -> None:
        """Raises `NotFound` for a job that is not the caller's, `JobEnded` for one that has ended."""
        before = await self._cancellation.cancel(command.id, request_user(), current_context.get().tenant_id)
        if before is None:
            raise NotFound("job", command.id)
        if before in ENDED:
            raise JobEnded(before)
