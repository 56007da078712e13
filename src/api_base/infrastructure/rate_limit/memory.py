"""GCRA in memory: stores one number for each key, the theoretical arrival time [ITU-T I.371, annex A: virtual scheduling].

Allows at most `burst + quota · t / window` hits in any `t` seconds; there are no window edges to exploit.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from api_base.core.protocols import Limit, RateDecision, RateLimiter

_TOLERANCE: Final = 1e-6
"""Seconds by which a hit may be early: a client that waits exactly `retry_after` must not fail through rounding."""


class MemoryRateLimiter(RateLimiter):
    """Implements `RateLimiter`. `now` returns monotonic seconds.

    Stores at most `capacity` keys and evicts the least recently charged one. Evicting a key whose time has passed loses nothing; under a
    flood of new keys, an evicted key gets its full burst again, and no key ever loses its burst.
    """

    def __init__(self, capacity: int = 100_000, now: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._now = capacity, now
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """The number of stored keys."""
        return len(self._arrivals)

    async def hit(self, key: str, limit: Limit, cost: int = 1) -> RateDecision:
        """Charge `cost` to `key`. A refused hit is not charged. A cost above the burst is always refused."""
        now = self._now()
        decision, arrival = decide(self._arrivals.get(key, -math.inf), limit, cost, now)
        if decision.allowed:
            self._store(key, arrival, now)
        return decision

    async def peek(self, key: str, limit: Limit) -> RateDecision:
        """The decision that `hit` would make, without a charge."""
        return decide(self._arrivals.get(key, -math.inf), limit, 1, self._now())[0]

    def _store(self, key: str, arrival: float, now: float) -> None:
        arrivals = self._arrivals
        if key in arrivals:
            arrivals.move_to_end(key)
        else:
            self._make_room(now)
        arrivals[key] = arrival

    def _make_room(self, now: float) -> None:
        """Evict up to two expired keys for each new one, so that memory shrinks after a flood without a sweep."""
        arrivals = self._arrivals
        for _ in range(2):
            if not arrivals:
                return
            oldest = next(iter(arrivals))
            if arrivals[oldest] > now and len(arrivals) < self._capacity:
                return
            del arrivals[oldest]


def decide(arrival: float, limit: Limit, cost: int, now: float) -> tuple[RateDecision, float]:
    """Return the decision about a hit at `now`, and the theoretical arrival time to store after an allowed one.

    `arrival` is the stored one, `-inf` of a key without one. Times are in seconds on one monotonic clock. A cost above the burst is refused.
    """
    interval = limit.window / limit.quota
    depth = interval * limit.burst
    arrival = max(arrival, now)
    charged = arrival + interval * cost
    wait = charged - depth - now
    if wait > _TOLERANCE:
        return RateDecision(False, _times(now + depth - arrival, interval), arrival - now, wait), arrival
    return RateDecision(True, _times(-wait, interval), charged - now, 0.0), charged


def _times(seconds: float, interval: float) -> int:
    """How often `interval` fits into `seconds`."""
    return max(0, int((seconds + _TOLERANCE) / interval))
