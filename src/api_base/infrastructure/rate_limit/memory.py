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

_NEVER: Final = -math.inf
_new: Final = tuple.__new__
"""Makes a named tuple in a third of the time of its class. Fields are read by position here for the same reason, and what is
usual is not left to `decide`: every request passes."""

type Decided = tuple[RateState, float]
type _Changed = tuple["_Changed | None", str, str, float]
"""What to store if everything is allowed, and the same of the charges before."""


class MemoryRateLimiter(RateLimiter):
    """Implements `RateLimiter`. `now` returns monotonic seconds.

    Stores at most `capacity` partitions and evicts the least recently charged one. Evicting one whose time has passed loses nothing; under a
    flood of new ones, an evicted one gets its full burst again, and none ever loses its burst.
    """

    def __init__(self, capacity: int = 100_000, now: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._now = capacity, now
        self._partitions: OrderedDict[str, dict[str, float]] = OrderedDict()
        """The theoretical arrival times of each partition, by policy: the hash of a string is computed once, that of a pair each time."""

    def __len__(self) -> int:
        """The number of stored partitions."""
        return len(self._partitions)

    async def hit(self, charges: Sequence[Charge]) -> RateDecision:
        """Charge everything, or nothing if one of the charges is refused. A cost above the burst is always refused."""
        now, partitions = self._now(), self._partitions
        states: list[RateState] = []
        changed: _Changed | None = None
        arrivals: dict[str, float] | None
        allowed, last = True, None
        for charge in charges:
            partition, policy, rate, cost, checked = charge
            if partition is not last:
                arrivals, last = partitions.get(partition), partition
            stored = now if arrivals is None else arrivals.get(policy, now)
            if cost == 1 and stored <= now:
                state, arrival = rate.untouched, now + rate.interval
            elif cost == 1 and (early := now + rate.depth - (arrival := stored + rate.interval)) >= 0.0:
                state = _new(RateState, (True, int((early + TOLERANCE) / rate.interval), arrival - now, 0.0))
            else:
                state, arrival = decide(stored, charge, now)
                allowed = allowed and state[0]
            states.append(state)
            if not checked:
                changed = changed, partition, policy, arrival
        if allowed:
            while changed is not None:
                changed, partition, policy, arrival = changed
                arrivals = partitions.get(partition)  # again: the room for another partition may have been that of this one
                if arrivals is None:
                    self._store(partition, policy, arrival, now)
                else:
                    arrivals[policy] = arrival
                    partitions.move_to_end(partition)
        return _new(RateDecision, (allowed, states, False))

    async def close(self) -> None:
        """Nothing is open."""

    def _store(self, partition: str, policy: str, arrival: float, now: float) -> None:
        """Store the first charge of a partition. Evict up to two expired ones, so that memory shrinks after a flood without a sweep."""
        partitions = self._partitions
        for _ in range(2):
            oldest = next(iter(partitions), None)
            if oldest is None or (max(partitions[oldest].values()) > now and len(partitions) < self._capacity):
                break
            del partitions[oldest]
        partitions[partition] = {policy: arrival}


def decide(arrival: float, charge: Charge, now: float) -> Decided:
    """Return the state of a charge at `now`, and the theoretical arrival time to store if everything is allowed.

    `arrival` is the stored one, `-inf` of a key without one. Times are in seconds on one clock. One that lies further ahead than the burst
    allows is not believed: the clock went back, or the tenant has a smaller plan than before.
    """
    _, _, rate, cost, _ = charge
    interval, latest = rate.interval, now + rate.depth
    if arrival < now:
        arrival = now
    elif arrival > latest:
        arrival = latest
    charged = arrival + interval * cost
    wait = charged - latest
    if wait > TOLERANCE:
        return _new(RateState, (False, int((latest - arrival + TOLERANCE) / interval), arrival - now, wait)), arrival
    return _new(RateState, (True, int((TOLERANCE - wait) / interval), charged - now if charged > now else 0.0, 0.0)), charged


def decision_of(decided: Sequence[Decided]) -> RateDecision:
    """Return the decision about charges that are decided one by one."""
    states = [state for state, _ in decided]
    return RateDecision(all(state.allowed for state in states), states)
