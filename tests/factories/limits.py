"""Limiters on the server of the tests, and clocks to move."""

from collections.abc import Callable
from uuid import uuid4

from api_base.core.protocols import Charge, Rate, RateDecision, RateLimiter
from api_base.infrastructure.rate_limit.factory import SOCKET_SECONDS
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from api_base.infrastructure.rate_limit.redis import RedisRateLimiter
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.resilience.patterns import PolicyConfig, PolicyRegistry

PATIENT = 5.0
"""Seconds that a decision may take where a test is not about slowness: the machine may be busy."""


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time


def redis_limiter(
    url: str, *, now: Callable[[], float] | None = None, prefix: str | None = None, seconds: float = PATIENT, share: float = 0.25
) -> RedisRateLimiter:
    policy = PolicyRegistry(PolicyConfig()).dispensable("rate-limits", seconds / 2)
    client = RedisClient(address_at(url), policy, max(seconds, SOCKET_SECONDS))
    return RedisRateLimiter(client, prefix or uuid4().hex, MemoryRateLimiter(), share, seconds, now)


async def hit(limiter: RateLimiter, partition: str, rate: Rate, cost: int = 1, *, checked: bool = False) -> RateDecision:
    """One charge under the policy `test`."""
    return await limiter.hit([Charge(partition, "test", rate, cost, checked)])
