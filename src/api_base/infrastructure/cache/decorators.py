"""`@cached`: a function whose results are cached.

However many callers miss the same value, it is loaded once: they wait for the same load, which is a task of its own, so a cancelled caller
cancels no other. Only callers that saw the same versions of the tags share a load: a caller that comes after an invalidation gets a value that
was loaded after it. Processes with the same Redis load once, too (flights.py).
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps

from api_base.core.protocols import CacheProvider
from api_base.core.types import cache_remaining
from api_base.infrastructure.cache.flights import Flights, Lifetimes


def cached[**P, T](
    provider: Callable[P, CacheProvider[T]],
    *,
    key: Callable[P, str],
    ttl: float,
    tags: Callable[P, Sequence[str]] | None = None,
    stale: float = 0.0,
    eager: float = 0.0,
    soft_timeout: float = 0.0,
    hard_timeout: float | None = None,
    jitter: float = 0.1,
    negative: bool = False,
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Cache the results of a coroutine function. An error is never cached, `None` only if `negative`.

    `provider`, `key` and `tags` are called with the arguments of the function. Everything that the result depends on must be in the key or the
    owner of the provider. The callers that wait for one load receive the same object: do not change it.

    A value is fresh for `ttl` seconds, less a random part of up to `jitter` of them, so that values stored together do not end together. In the
    last `eager` seconds of these, a call loads another value in the background. For `stale` seconds more the old value is served while another
    one is loaded: immediately, or after waiting `soft_timeout` seconds for the new one, or when loading fails. The load continues in the
    background. Without a stale value, a caller waits for up to `hard_timeout` seconds, then `TimedOut` is raised, and the load continues as
    well.

    The function may call `current_load` for the value that it replaces, and to decide how long the new one is fresh.

    >>> import asyncio
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
    lifetimes = Lifetimes(
        ttl=ttl, stale=stale, eager=eager, soft_timeout=soft_timeout, hard_timeout=hard_timeout, jitter=jitter, negative=negative
    )
    due = lifetimes.due

    def decorate(load: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        flights = Flights[T](lifetimes)

        @wraps(load)
        async def answer(*arguments: P.args, **named: P.kwargs) -> T:
            cache, name = provider(*arguments, **named), key(*arguments, **named)
            seen = await cache.lookup(name, () if tags is None else tags(*arguments, **named))
            if seen.found and seen.remaining > due:
                cache_remaining.set(seen.remaining)
                return seen.stored()
            return await flights.value(cache, name, seen, lambda: load(*arguments, **named))

        return answer

    return decorate
