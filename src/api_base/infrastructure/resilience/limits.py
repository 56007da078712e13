"""Limits of concurrency and time: a slow dependency uses no more than its share of this process.

A bulkhead [Nygard, Release It!, 2nd ed., ch. 5] limits the calls in flight and the waiting calls; it immediately refuses further calls.
A timeout limits one attempt.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from api_base.infrastructure.resilience.errors import BulkheadFull, TimedOut, require


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadConfig:
    """`concurrent` calls run at the same time; `queued` more wait, first come first served, for at most `queue_seconds`."""

    concurrent: int = 20
    queued: int = 100
    queue_seconds: float = 1.0

    def __post_init__(self) -> None:
        require(self.concurrent >= 1, self, "concurrent", "must be at least 1")
        require(self.queued >= 0, self, "queued", "must not be negative")
        require(self.queue_seconds > 0, self, "queue_seconds", "must be above 0 seconds (queued=0 turns waiting off)")


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
        """What `func` returns or raises. Raises `BulkheadFull` without calling it when both limits are reached."""
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
        return BulkheadFull(f"Too many calls to {self.name} are in flight.", retry_after=self.config.queue_seconds)


class Timeout:
    """Cancels an attempt on the dependency `name` after `seconds`; its adapter must be safe to cancel."""

    def __init__(self, seconds: float, *, name: str = "dependency") -> None:
        self.seconds, self.name = seconds, name
        require(seconds > 0, self, "seconds", "must be above 0")

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` returns or raises. Raises `TimedOut` when it takes longer; a `TimeoutError` of its own passes unchanged."""
        try:
            async with asyncio.timeout(self.seconds) as scope:
                return await func()
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise TimedOut(f"{self.name} did not answer within {self.seconds:g} s.") from error
