"""GCRA, the generic cell rate algorithm [ITU-T I.371, annex A], in the memory of one process.

A key's state is one number: the time at which its bucket would be full again. Within any time t no more than
burst + quota · t / window pass. At most `capacity` keys are kept; the oldest that has run full goes first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from api_base.core.protocols import Limit, RateDecision


class MemoryRateLimiter:
    """Implements `RateLimiter`. Good for one process; several count separately. `clock` is monotonic, in seconds."""

    def __init__(self, capacity: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._clock = capacity, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    async def hit(self, key: str, limit: Limit, cost: int = 1) -> RateDecision:
        now = self._clock()
        interval = limit.window / limit.quota
        full_at = max(self._full_at.get(key, now), now)
        after = full_at + cost * interval
        room = limit.burst * interval - (after - now)
        if room < -1e-9 * limit.window:
            return RateDecision(False, self._remaining(full_at - now, limit, interval), full_at - now, -room)
        if key not in self._full_at and len(self._full_at) >= self._capacity:
            self._full_at.popitem(last=False)
        self._full_at[key] = after
        return RateDecision(True, self._remaining(after - now, limit, interval), after - now, 0.0)

    async def peek(self, key: str, limit: Limit) -> RateDecision:
        now = self._clock()
        interval = limit.window / limit.quota
        used = max(self._full_at.get(key, now) - now, 0.0)
        room = limit.burst * interval - used - interval
        allowed = room >= -1e-9 * limit.window
        return RateDecision(allowed, self._remaining(used, limit, interval), used, 0.0 if allowed else -room)

    @staticmethod
    def _remaining(used: float, limit: Limit, interval: float) -> int:
        return max(0, int(limit.burst - used / interval + 1e-6))
