"""Limits on how often something may happen."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`quota` per `window` seconds, of which `burst` at once. `name` appears in the `RateLimit-Policy` header."""

    name: str
    quota: int
    window: float
    burst: int


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether it may happen; how often more at once; seconds until the whole burst is there again; seconds to wait if refused."""

    allowed: bool
    remaining: int
    reset: float
    retry_after: float


class RateLimiter(Protocol):
    """Counts by key. Different limits on one thing need different keys."""

    async def hit(self, key: str, limit: Limit, cost: int = 1) -> RateDecision:
        """Charge `cost` to `key`; nothing is charged when refused."""
        ...

    async def peek(self, key: str, limit: Limit) -> RateDecision:
        """What `hit` would decide, without charging."""
        ...
