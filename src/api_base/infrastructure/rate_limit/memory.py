"""GCRA in memory: one number per key, the theoretical arrival time [ITU-T I.371, annex A: virtual scheduling].

Never more than `burst + quota · t / window` hits in any `t` seconds, with no window whose edges can be gamed. Counted per
process: with n processes behind one address, n times as much gets through.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from api_base.core.protocols import Limit, RateDecision

_TOLERANCE: Final = 1e-6
"""Seconds by which a hit may be early: who waits exactly `retry_after` must not fail by a rounding."""


class MemoryRateLimiter:
    """Implements `RateLimiter`. `now` tells seconds, monotonic.

    At most `capacity` keys are kept. The key that was charged longest ago is forgotten first, which costs nothing once its
    time is over; a flood of new keys can make a used one fresh again, never a fresh one used.
    """

    def __init__(self, capacity: int = 100_000, now: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._now = capacity, now
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._arrivals)

    async def hit(self, key: str, limit: Limit, cost: int = 1) -> RateDecision:
        """Charge `cost` to `key`; nothing is charged when refused. A cost above the burst is refused for ever."""
        now = self._now()
        decision, arrival = self._decide(key, limit, cost, now)
        if decision.allowed:
            self._store(key, arrival, now)
        return decision

    async def peek(self, key: str, limit: Limit) -> RateDecision:
        """What `hit` would decide, without charging."""
        return self._decide(key, limit, 1, self._now())[0]

    def _decide(self, key: str, limit: Limit, cost: int, now: float) -> tuple[RateDecision, float]:
        interval = limit.window / limit.quota
        depth = interval * limit.burst
        arrival = max(self._arrivals.get(key, now), now)
        charged = arrival + interval * cost
        wait = charged - depth - now
        if wait > _TOLERANCE:
            return RateDecision(False, _times(now + depth - arrival, interval), arrival - now, wait), arrival
        return RateDecision(True, _times(-wait, interval), charged - now, 0.0), charged

    def _store(self, key: str, arrival: float, now: float) -> None:
        arrivals = self._arrivals
        if key in arrivals:
            arrivals.move_to_end(key)
        else:
            self._make_room(now)
        arrivals[key] = arrival

    def _make_room(self, now: float) -> None:
        """Each new key clears up to two old ones, so that memory shrinks after a flood without a sweep."""
        arrivals = self._arrivals
        for _ in range(2):
            if not arrivals:
                return
            oldest = next(iter(arrivals))
            if arrivals[oldest] > now and len(arrivals) < self._capacity:
                return
            del arrivals[oldest]


def _times(seconds: float, interval: float) -> int:
    """How often `interval` fits into `seconds`."""
    return max(0, int((seconds + _TOLERANCE) / interval))
