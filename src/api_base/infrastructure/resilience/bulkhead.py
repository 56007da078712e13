"""A bulkhead [Nygard, Release It!, 2nd ed., ch. 5]: one slow dependency takes no more than its share of this process.

So many calls at once, so many waiting, each for so long; whoever comes beyond that is refused at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from api_base.infrastructure.resilience.checks import require
from api_base.infrastructure.resilience.errors import BulkheadFull


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadConfig:
    """`concurrent` calls at once; `queued` more wait, first come first served, for at most `queue_seconds`."""

    concurrent: int = 20
    queued: int = 100
    queue_seconds: float = 1.0

    def __post_init__(self) -> None:
        require(self.concurrent >= 1, self, "concurrent", "must be at least 1")
        require(self.queued >= 0, self, "queued", "must not be negative")
        require(self.queue_seconds > 0, self, "queue_seconds", "must be above 0 seconds; queued=0 lets nobody wait")


class Bulkhead:
    """For one dependency, `name`, in one process and event loop."""

    def __init__(self, config: BulkheadConfig, *, name: str = "dependency") -> None:
        self.config, self.name = config, name
        self._limiter = anyio.CapacityLimiter(config.concurrent)
        self.queued = self.refused = 0

    @property
    def in_flight(self) -> int:
        return int(self._limiter.borrowed_tokens)

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` answers or raises. Raises `BulkheadFull` without calling it when there is no room."""
        borrower = object()  # not the task: a call may contain another one
        await self._enter(borrower)
        try:
            return await func()
        finally:
            self._limiter.release_on_behalf_of(borrower)

    async def _enter(self, borrower: object) -> None:
        try:
            self._limiter.acquire_on_behalf_of_nowait(borrower)
        except anyio.WouldBlock:
            await self._wait(borrower)

    async def _wait(self, borrower: object) -> None:
        if self.queued >= self.config.queued:
            raise self._refusal()
        self.queued += 1
        try:
            with anyio.fail_after(self.config.queue_seconds):
                await self._limiter.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise self._refusal() from None
        finally:
            self.queued -= 1

    def _refusal(self) -> BulkheadFull:
        self.refused += 1
        return BulkheadFull(f"Too many calls of {self.name} are under way.", retry_after=self.config.queue_seconds)
