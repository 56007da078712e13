"""Rate limits: how often an operation may happen."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`quota` per `window` seconds, of which `burst` in a row. `name` appears in the `RateLimit-Policy` header."""

    name: str
    quota: int
    window: float
    burst: int


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether the hit is allowed; how many more are allowed now; seconds until the whole burst is available again; seconds to wait after a
    refusal."""

    allowed: bool
    remaining: int
    reset: float
    retry_after: float


class RateLimiter(Protocol):
    """Counts hits by key. Two limits on one subject need two keys."""

    async def hit(self, key: str, limit: Limit, cost: int = 1) -> RateDecision:
        """Charge `cost` to `key`; a refusal charges nothing."""
        ...

    async def peek(self, key: str, limit: Limit) -> RateDecision:
        """Return the decision that `hit` would make, without charging."""
        ...
