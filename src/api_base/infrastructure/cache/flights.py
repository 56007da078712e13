"""The loads of cached values: one at a time for a key and the versions of its tags, in this process and among those that share a store.

The process that loads has a claim in the store, which it renews, and which ends by itself when the process is killed. The others look for the
value until it is stored. If the load stored nothing, or the store cannot be reached, each process loads.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any, Final, cast

from api_base.core.errors import ProgrammingError, Unavailable
from api_base.core.protocols import CacheProvider, Lookup
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.resilience.errors import TimedOut

logger = get_logger(__name__)

CLAIM: Final = 0.5
"""Seconds that a claim lasts. It is renewed while its load runs."""
FIRST_LOOK: Final = 0.005
LAST_LOOK: Final = 0.1
"""Seconds between looks for the value that another process loads: doubled each time, up to this."""


@dataclass(slots=True)
class Load[T]:
    """What a load replaces and decides.

    `stale` and `etag` are those of the value that is replaced, if it is still stored: a function that finds out that nothing has changed returns
    `stale`. It sets `etag` to what the source calls the new value, and `ttl` to how many seconds that one is fresh.
    """

    stale: T | None
    etag: str
    ttl: float


_load: ContextVar[Load[Any]] = ContextVar("cache_load")


def current_load[T](kind: type[T]) -> Load[T]:
    """Return the load that the present function runs for. `kind` is what it returns. Only in a function that is `cached`."""
    del kind
    return cast("Load[T]", _load.get())


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """In seconds, as `cached` describes them."""

    ttl: float
    stale: float
    eager: float
    soft_timeout: float
    hard_timeout: float | None
    jitter: float
    negative: bool

    def __post_init__(self) -> None:
        if not (self.ttl > self.eager >= 0 and self.stale >= 0 and 0 <= self.jitter < 1):
            raise ProgrammingError(
                "@cached needs ttl > eager >= 0, stale >= 0 and 0 <= jitter < 1, "
                f"not ttl={self.ttl}, eager={self.eager}, stale={self.stale} and jitter={self.jitter}."
            )

    @property
    def due(self) -> float:
        """A value that stays for so long, or less, is replaced."""
        return self.stale + self.eager

    def stored(self, ttl: float) -> float:
        """How long a value is stored that is fresh for `ttl`."""
        return ttl * (1 - self.jitter * random.random()) + self.stale  # noqa: S311 -- jitter is no secret


class Flights[T]:
    """The loads of one cached function that run at present."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        self._lifetimes = lifetimes
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def value(self, cache: CacheProvider[T], name: str, seen: Lookup[T], load: Callable[[], Awaitable[T]]) -> T:
        """Return a value that is loaded now, or the one that was seen."""
        identity = (asyncio.get_running_loop(), cache, name, seen.versions)
        flight = self._running.get(identity)
        if flight is None:
            flight = self._running[identity] = asyncio.create_task(self._load(cache, name, seen, load))
            flight.add_done_callback(partial(self._landed, identity))
        try:
            if not seen.found:
                return await _fresh(flight, self._lifetimes.hard_timeout)
            if self._lifetimes.soft_timeout > 0 and seen.remaining <= self._lifetimes.stale:
                await asyncio.wait([flight], timeout=self._lifetimes.soft_timeout)
            fresh = flight.done() and not flight.cancelled() and flight.exception() is None
            return flight.result() if fresh else seen.stored()
        finally:
            del flight  # its error has this frame in its traceback

    async def _load(self, cache: CacheProvider[T], name: str, seen: Lookup[T], load: Callable[[], Awaitable[T]]) -> T:
        by = token_hex(8)
        found = await self._loaded_elsewhere(cache, name, seen, by)
        if found is not None:
            return found.stored()
        renewal = asyncio.create_task(self._renew(cache, name, by))
        stored = False
        try:
            value, stored = await self._loaded(cache, name, seen, load)
            return value
        except Exception as error:
            if seen.found:
                logger.warning("refresh_failed", key=name[:100], reason=str(error) or type(error).__name__)
            raise
        finally:
            renewal.cancel()
            if not stored:
                await cache.release(name, by, CLAIM)

    async def _loaded(self, cache: CacheProvider[T], name: str, seen: Lookup[T], load: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return a value that is loaded now, and whether it was stored."""
        present = Load(stale=seen.value, etag=seen.etag, ttl=self._lifetimes.ttl)
        _load.set(present)
        value = await load()
        if value is None and not self._lifetimes.negative:
            return value, False
        return value, await cache.store(name, value, seen.versions, self._lifetimes.stored(present.ttl), present.etag)

    async def _loaded_elsewhere(self, cache: CacheProvider[T], name: str, seen: Lookup[T], by: str) -> Lookup[T] | None:
        """Claim the load. Return the value that another process has loaded meanwhile; None if this one is to load it."""
        due, tags, seconds = self._lifetimes.due, [tag for tag, _ in seen.versions], FIRST_LOOK
        while (holder := await cache.claim(name, by, CLAIM, due)) != by:
            found = await cache.lookup(name, tags)
            if found.found and found.remaining > due:
                return found
            if not holder:
                return None
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, LAST_LOOK)
        return None

    async def _renew(self, cache: CacheProvider[T], name: str, by: str) -> None:
        while True:
            await asyncio.sleep(CLAIM / 3)
            await cache.claim(name, by, CLAIM, self._lifetimes.due)

    def _landed(self, identity: Hashable, ended: asyncio.Task[T]) -> None:
        """Forget a load. Its error is read here, since perhaps no caller waits for it."""
        del self._running[identity]
        if not ended.cancelled():
            ended.exception()


async def _fresh[T](flight: asyncio.Task[T], seconds: float | None) -> T:
    """Wait for a load without cancelling it. Raises its error, or `TimedOut`."""
    await asyncio.wait([flight], timeout=seconds)
    try:
        if not flight.done():
            raise TimedOut(f"Loading a value took longer than {seconds:g} s; it continues.")
        if flight.cancelled():
            raise Unavailable("Loading a value was cancelled.")
        return flight.result()
    finally:
        del flight  # its error has this frame in its traceback
