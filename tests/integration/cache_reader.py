"""A process that reads one cached value: `python -m tests.integration.cache_reader URL OWNER HOLD`, which waits for a line before it reads.

The load counts itself in Redis under the name of the owner, and takes a fifth of a second, or has no end with HOLD=1.
"""

import asyncio
import sys
from uuid import UUID

from redis.asyncio import Redis

from api_base.core.protocols import Caches
from api_base.infrastructure.cache.decorators import cached
from tests.factories.cache import redis_caches, tiered_caches

READERS = 50
TTL = 30.0


class Reader:
    def __init__(self, caches: Caches, owner: UUID, url: str, seconds: float | None) -> None:
        self.provider, self.owner, self.seconds = caches.providers("texts", str)(owner), owner, seconds
        self.server = Redis.from_url(url, decode_responses=True)

    @cached(lambda self: self.provider, key=lambda self: "1", ttl=TTL, tags=lambda self: ("t",), hard_timeout=20)
    async def value(self) -> str:
        number = await self.server.incr(f"loads:{self.owner}")
        await asyncio.sleep(3600 if self.seconds is None else self.seconds)
        return str(number)


async def main(url: str, owner: str, hold: str) -> None:
    make = tiered_caches if url.startswith("tiered+") else redis_caches
    url = url.removeprefix("tiered+")
    reader = Reader(make(url), UUID(owner), url, None if hold == "1" else 0.2)
    await reader.provider.exists("1")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(*await asyncio.gather(*(reader.value() for _ in range(READERS))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
