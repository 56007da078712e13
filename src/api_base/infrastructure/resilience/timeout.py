"""How long one attempt may take. What it was doing is cancelled, and its adapter must stand that."""

import asyncio
from collections.abc import Awaitable, Callable

from api_base.infrastructure.resilience.checks import require
from api_base.infrastructure.resilience.errors import TimedOut


class Timeout:
    """For one dependency, `name`; in `seconds`."""

    def __init__(self, seconds: float, *, name: str = "dependency") -> None:
        self.seconds, self.name = seconds, name
        require(seconds > 0, self, "seconds", "must be above 0")

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` answers or raises. Raises `TimedOut` when it takes longer; a `TimeoutError` of its own stays what it is."""
        try:
            async with asyncio.timeout(self.seconds) as scope:
                return await func()
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise TimedOut(f"{self.name} did not answer within {self.seconds:g} s.") from error
