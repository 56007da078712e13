"""Work that waits until the response is out."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class AfterResponse(Protocol):
    """For work whose duration the caller must not be able to measure, such as counting a failed login."""

    def call(self, action: Callable[[], Awaitable[None]]) -> None:
        """Await `action` after the response of the current request, in order of the calls. An error is logged and stops no other action.

        Raises `ProgrammingError` outside a request.
        """
        ...
