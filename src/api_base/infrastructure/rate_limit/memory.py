"""GCRA in memory: stores one number for each key, the theoretical arrival time [ITU-T I.371, annex A: virtual scheduling].

Allows at most `burst + quota · t / window` hits in any `t` seconds; there are no window edges to exploit.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from api_base.core.protocols import Charge, RateDecision, RateLimiter, RateState

TOLERANCE: Final = 1e-6
"""Seconds by which a hit may be early: a client that waits exactly `retry_after` must not fail through rounding."""

type Key = tuple[str, str]
type Decided = tuple[RateState, float]


class MemoryRateLimiter(RateLimiter):
    """Implements `RateLimiter`. `now` returns monotonic seconds.

    Stores at most `capacity` keys and evicts the least recently charged one. Evicting a key whose time has passed loses nothing; under a
    flood of new keys, an evicted key gets its full burst again, and no key ever loses its burst.
    """

    def __init__(self, capacity: int = 100_000, now: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._now = capacity, now
        self._arrivals: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        """The number of stored keys."""
        return len(self._arrivals)

    async def hit(self, charges: Sequence[Charge]) -> RateDecision:
        """Charge everything, or nothing if one of the charges is refused. A cost above the burst is always refused."""
        now, arrivals = self._now(), self._arrivals
        decided = [decide(arrivals.get((charge.partition, charge.policy), -math.inf), charge, now) for charge in charges]
        decision = decision_of(decided)
        if decision.allowed:
            for charge, (_, arrival) in zip(charges, decided, strict=True):
                if not charge.checked:
                    self._store((charge.partition, charge.policy), arrival, now)
        return decision

    async def close(self) -> None:
        """Nothing is open."""

    def _store(self, key: Key, arrival: float, now: float) -> None:
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


def decide(arrival: float, charge: Charge, now: float) -> Decided:
    """Return the state of a charge at `now`, and the theoretical arrival time to store if everything is allowed.

    `arrival` is the stored one, `-inf` of a key without one. Times are in seconds on one clock. One that lies further ahead than the burst
    allows is not believed: the clock went back, or the tenant has a smaller plan than before.
    """
    rate = charge.rate
    interval, depth = rate.interval, rate.depth
    arrival = min(max(arrival, now), now + depth)
    charged = arrival + interval * charge.cost
    wait = charged - depth - now
    if wait > TOLERANCE:
        return RateState(False, _times(now + depth - arrival, interval), arrival - now, wait), arrival
    return RateState(True, _times(-wait, interval), max(0.0, charged - now), 0.0), charged


def decision_of(decided: Sequence[Decided]) -> RateDecision:
    """Return the decision about charges that are decided one by one."""
    states = [state for state, _ in decided]
    return RateDecision(not any(state.retry_after for state in states), states)


def _times(seconds: float, interval: float) -> int:
    """How often `interval` fits into `seconds`."""
    return max(0, int((seconds + TOLERANCE) / interval))
