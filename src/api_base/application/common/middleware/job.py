"""A job ends in the transaction of its command: the database holds both the effect and the outcome, or neither."""

from collections.abc import Awaitable, Callable
from typing import Any

from api_base.application.common.cqrs import Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.protocols import JobCompletion
from api_base.core.types import RunningJob, Settled


class JobMiddleware:
    """The stage of a job's own command, inside its unit of work. Returns `Settled` if the unit writes the outcome."""

    def __init__(self, completion: JobCompletion) -> None:
        self._completion = completion

    def __call__(self, call_next: Call) -> Callable[[Message[Any], RunningJob], Awaitable[Any]]:
        async def stage(message: Message[Any], job: RunningJob) -> Any:
            result = await call_next(message)
            return Settled() if self._completion.settle(job, result) else result

        return stage
