"""Run actions after the response of their request was sent."""

from collections.abc import Awaitable, Callable, Sequence

from api_base.core.errors import ProgrammingError
from api_base.core.protocols import AfterResponse
from api_base.core.shared.logging import get_logger
from api_base.interface.middleware.http_exchange import current_exchange

logger = get_logger(__name__)

type Action = Callable[[], Awaitable[None]]


class HttpAfterResponse(AfterResponse):
    def call(self, action: Action) -> None:
        try:
            current_exchange.get().actions.append(action)
        except LookupError:
            raise ProgrammingError("AfterResponse needs an HTTP request, but none is running. Await the action directly.") from None


async def run_actions(actions: Sequence[Action], route: str) -> None:
    """Await `actions` in order. Logs an error with the request's `route`, and continues with the next action."""
    for action in actions:
        try:
            await action()
        except Exception:
            logger.exception("after_response_failed", route=route)
