"""A job ends in the transaction of its command: the effect and the note that it is done are both there, or neither."""

from typing import Any

from api_base.application.common.cqrs import Command, Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.protocols import Isolation, JobCompletion
from api_base.core.types import current_context


class JobMiddleware:
    """Runs inside the unit of work. What orchestrates (`Isolation.NONE`) has none: its worker notes it after_response, so it may run twice."""

    def __init__(self, completion: JobCompletion) -> None:
        self._completion = completion

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not issubclass(message_type, Command) or message_type.isolation is Isolation.NONE:
            return call_next

        async def stage(message: Message[Any]) -> Any:
            context = current_context.get(None)
            if context is None or context.job is None or context.job.command is not message:
                return await call_next(message)
            result = await call_next(message)
            context.job.settled = self._completion.settle(context.job, result)
            return result

        return stage
