"""Caches on the server of the tests."""

from api_base.infrastructure.cache.redis_provider import RedisCaches
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.resilience.patterns import PolicyConfig, PolicyRegistry

PATIENT = 5.0
"""Seconds that a call may take where a test is not about slowness: the machine may be busy."""


def redis_caches(url: str, service: str = "tests", seconds: float = PATIENT) -> RedisCaches:
    policy = PolicyRegistry(PolicyConfig()).dispensable("redis", seconds)
    return RedisCaches(RedisClient(address_at(url), policy, seconds), service)
