"""Actions that wait until the response of their request is out."""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

from api_base.core.errors import ProgrammingError
from api_base.core.protocols import AfterResponse
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)

type Action = Callable[[], Awaitable[None]]

pending_actions: ContextVar[list[Action]] = ContextVar("pending_actions")
"""Set by LoggingMiddleware for each request, which awaits the actions in the end."""


class HttpAfterResponse(AfterResponse):
    def call(self, action: Action) -> None:
        try:
            pending_actions.get().append(action)
        except LookupError:
            raise ProgrammingError("AfterResponse needs an HTTP request: outside one there is no response to wait for.") from None


async def run_actions(actions: Sequence[Action], route: str) -> None:
    """Await `actions` in order. An error is logged with the request's `route` and stops no other action."""
    for action in actions:
        try:
            await action()
        except Exception:
            logger.exception("after_response_failed", route=route)
