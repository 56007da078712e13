"""`@cached`: a function whose results are cached.

However many callers miss the same value in one process, it is loaded once: they wait for the same load, which is a task of its own, so a
cancelled caller cancels no other. Only callers that saw the same versions of the tags share a load: a caller that comes after an
invalidation gets a value that was loaded after it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial, wraps

from api_base.core.errors import ProgrammingError, Unavailable
from api_base.core.protocols import CacheProvider, Lookup
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.resilience.errors import TimedOut

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lifetimes:
    """In seconds, as `cached` describes them."""

    ttl: float
    stale: float
    soft_timeout: float
    hard_timeout: float | None
    jitter: float
    negative: bool

    def __post_init__(self) -> None:
        if not (self.ttl > 0 and self.stale >= 0 and 0 <= self.jitter < 1):
            raise ProgrammingError(
                f"@cached needs ttl > 0, stale >= 0 and 0 <= jitter < 1, not {self.ttl}, {self.stale} and {self.jitter}."
            )

    def stored(self) -> float:
        """How long a new value is stored."""
        return self.ttl * (1 - self.jitter * random.random()) + self.stale  # noqa: S311 -- jitter is no secret


def cached[**P, T](
    provider: Callable[P, CacheProvider[T]],
    *,
    key: Callable[P, str],
    ttl: float,
    tags: Callable[P, Sequence[str]] | None = None,
    stale: float = 0.0,
    soft_timeout: float = 0.0,
    hard_timeout: float | None = None,
    jitter: float = 0.1,
    negative: bool = False,
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Cache the results of a coroutine function. An error is never cached, `None` only if `negative`.

    `provider`, `key` and `tags` are called with the arguments of the function. Everything that the result depends on must be in the key or the
    owner of the provider. The callers that wait for one load receive the same object: do not change it.

    A value is fresh for `ttl` seconds, less a random part of up to `jitter` of them, so that values stored together do not end together. For
    `stale` seconds more it is served while another one is loaded: immediately, or after waiting `soft_timeout` seconds for the new one, or when
    loading fails. The load continues in the background. Without a stale value, a caller waits for up to `hard_timeout` seconds, then
    `TimedOut` is raised, and the load continues as well.

    >>> from uuid import UUID
    >>> from api_base.infrastructure.cache.memory_provider import MemoryCaches
    >>> rates = MemoryCaches().providers("rates", float)
    >>> @cached(lambda currency: rates(UUID(int=0)), key=lambda currency: currency, ttl=60)
    ... async def rate(currency: str) -> float:
    ...     print("loading", currency)
    ...     return 1.1
    >>> async def twice() -> float:
    ...     return await rate("EUR") + await rate("EUR")
    >>> asyncio.run(twice())
    loading EUR
    2.2
    """
    lifetimes = _Lifetimes(ttl=ttl, stale=stale, soft_timeout=soft_timeout, hard_timeout=hard_timeout, jitter=jitter, negative=negative)

    def decorate(load: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        flights = _Flights[T](lifetimes)

        @wraps(load)
        async def answer(*arguments: P.args, **named: P.kwargs) -> T:
            cache, name = provider(*arguments, **named), key(*arguments, **named)
            seen = await cache.lookup(name, () if tags is None else tags(*arguments, **named))
            if seen.found and seen.remaining > stale:
                return seen.stored()
            return await flights.value(cache, name, seen, lambda: load(*arguments, **named))

        return answer

    return decorate


class _Flights[T]:
    """The loads of one cached function that run at present."""

    def __init__(self, lifetimes: _Lifetimes) -> None:
        self._lifetimes = lifetimes
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def value(self, cache: CacheProvider[T], name: str, seen: Lookup[T], load: Callable[[], Awaitable[T]]) -> T:
        """Return a value that is loaded now, or the stale one that was seen."""
        identity = (asyncio.get_running_loop(), cache, name, seen.versions)
        flight = self._running.get(identity)
        if flight is None:
            flight = self._running[identity] = asyncio.create_task(self._load(cache, name, seen, load))
            flight.add_done_callback(partial(self._landed, identity))
        if not seen.found:
            return await _fresh(flight, self._lifetimes.hard_timeout)
        if self._lifetimes.soft_timeout > 0:
            await asyncio.wait([flight], timeout=self._lifetimes.soft_timeout)
        fresh = flight.done() and not flight.cancelled() and flight.exception() is None
        return flight.result() if fresh else seen.stored()

    async def _load(self, cache: CacheProvider[T], name: str, seen: Lookup[T], load: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await load()
        except Exception as error:
            if seen.found:
                logger.warning("refresh_failed", key=name[:100], reason=str(error) or type(error).__name__)
            raise
        if value is not None or self._lifetimes.negative:
            await cache.store(name, value, seen.versions, self._lifetimes.stored())
        return value

    def _landed(self, identity: Hashable, ended: asyncio.Task[T]) -> None:
        """Forget a load. Its error is read here, since perhaps no caller waits for it."""
        del self._running[identity]
        if not ended.cancelled():
            ended.exception()


async def _fresh[T](flight: asyncio.Task[T], seconds: float | None) -> T:
    """Wait for a load without cancelling it. Raises its error, or `TimedOut`."""
    done, _ = await asyncio.wait([flight], timeout=seconds)
    if not done:
        raise TimedOut(f"Loading a value took longer than {seconds:g} s; it continues.")
    if flight.cancelled():
        raise Unavailable("Loading a value was cancelled.")
    return flight.result()
