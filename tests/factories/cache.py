"""Caches on the server of the tests."""

import asyncio

from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.cache.redis_provider import RedisCaches
from api_base.infrastructure.cache.tiered_provider import TieredCaches
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.resilience.patterns import PolicyConfig, PolicyRegistry

PATIENCE = 30.0
PATIENT = 5.0
"""Seconds that a call may take where a test is not about slowness: the machine may be busy."""


def redis_caches(url: str, service: str = "tests", seconds: float = PATIENT) -> RedisCaches:
    policy = PolicyRegistry(PolicyConfig()).dispensable("redis", seconds)
    return RedisCaches(RedisClient(address_at(url), policy, seconds), service)


def tiered_caches(url: str, service: str = "tests", seconds: float = PATIENT, subscribed_at: str = "") -> TieredCaches:
    """`subscribed_at` is the URL for the subscription, if it is another way to the same server."""
    redis = redis_caches(url, service, seconds)
    return TieredCaches(redis.client, service, MemoryCaches(), address_at(subscribed_at or url))


async def subscribed(caches: TieredCaches) -> TieredCaches:
    """Wait until the memory tier is used."""
    async with asyncio.timeout(PATIENCE):
        while not caches.fresh():
            await asyncio.sleep(0.01)
    return caches
