"""Opens a span for each message, if spans are exported."""

from typing import Any

from api_base.application.common.cqrs import Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.shared.tracing import span


class TraceMiddleware:
    """Without `enabled` (a tracer provider) the pipeline has no such stage."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not self._enabled:
            return call_next
        name = message_type.__name__

        async def traced(message: Message[Any]) -> Any:
            with span(name):
                return await call_next(message)

        return traced
