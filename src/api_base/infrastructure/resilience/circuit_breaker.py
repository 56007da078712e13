"""A circuit breaker [Nygard, Release It!, 2nd ed., ch. 5]: it stops calling a dependency that is not healthy, then probes it.

Closed, it watches a sliding window of time; open, it refuses; half-open, it sends a limited number of probes and refuses other calls
until the probes have decided. As in resilience4j, an error that is not declared a failure is an answer. A cancelled call is no outcome
and frees its probe; the outcome of a call from before the last change of state is ignored.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from api_base.core.protocols import CircuitState
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.resilience.errors import FAILURES, CircuitOpen, Refused, require

logger = get_logger(__name__)

PARTS: Final = 10
"""The window slides by one part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerConfig:
    """Rates are parts of the calls of the last `window_seconds`, above 0 and up to 1.

    The circuit opens when the window has at least `minimum_calls` and `failure_rate` of them failed, or `slow_rate` took longer
    than `slow_seconds`; also after so many failures `in_a_row`, however many calls succeeded before. After `open_seconds`, `probes` calls decide
    by the same rates. `failures` are the errors that count.
    """

    window_seconds: float = 30.0
    minimum_calls: int = 10
    in_a_row: float = inf
    failure_rate: float = 0.5
    slow_seconds: float = 5.0
    slow_rate: float = 1.0
    open_seconds: float = 30.0
    probes: int = 3
    failures: tuple[type[Exception], ...] = FAILURES

    def __post_init__(self) -> None:
        require(0 < self.window_seconds < inf, self, "window_seconds", "must be above 0 and finite")
        for name in ("minimum_calls", "in_a_row", "probes"):
            require(getattr(self, name) >= 1, self, name, "must be at least 1")
        for name in ("failure_rate", "slow_rate"):
            require(0 < getattr(self, name) <= 1, self, name, "must be above 0 and at most 1")
        for name in ("slow_seconds", "open_seconds"):
            require(getattr(self, name) > 0, self, name, "must be above 0 seconds")
        require(bool(self.failures), self, "failures", "must name an error: otherwise the circuit never opens")


@dataclass(slots=True)
class Tally:
    calls: int = 0
    failures: int = 0
    slow: int = 0

    def add(self, other: "Tally", times: int = 1) -> None:
        self.calls += times * other.calls
        self.failures += times * other.failures
        self.slow += times * other.slow


class Window:
    """Counts the outcomes of the last `seconds` in ten parts: it covers nine to ten tenths of them and stores ten counters."""

    def __init__(self, seconds: float) -> None:
        self._part = seconds / PARTS
        self._parts: deque[tuple[int, Tally]] = deque()
        self._sum = Tally()

    def add(self, outcome: Tally, now: float) -> Tally:
        """Add `outcome` and return the sum of the window; `now` is in seconds and never decreases."""
        number = int(now // self._part)
        while self._parts and self._parts[0][0] <= number - PARTS:
            self._sum.add(self._parts.popleft()[1], -1)
        if not self._parts or self._parts[-1][0] != number:
            self._parts.append((number, Tally()))
        self._parts[-1][1].add(outcome)
        self._sum.add(outcome)
        return self._sum


@dataclass(frozen=True, slots=True)
class StateChange:
    """The circuit of `name` went from `before` to `after`."""

    name: str
    before: CircuitState
    after: CircuitState


class CircuitBreaker[TConfig: CircuitBreakerConfig]:
    """For one dependency, `name`, in one process and event loop. `now` returns seconds of a monotonic clock.

    `observers` are called after each change of state; an observer that raises is logged and affects neither calls nor other observers.
    """

    def __init__(
        self,
        config: TConfig,
        *,
        name: str = "dependency",
        now: Callable[[], float] = time.monotonic,
        observers: Sequence[Callable[[StateChange], None]] = (),
    ) -> None:
        self.config, self.name = config, name
        self._now, self._observers = now, observers
        self._state = CircuitState.CLOSED
        self._window = Window(config.window_seconds)
        self._since = now()
        self._period = 0
        """Counts changes of state: an outcome counts only in the period in which its call began."""
        self._probing = self._in_a_row = 0
        self._probed = Tally()
        self.total = Tally()
        self.refused = self.openings = 0

    @property
    def state(self) -> CircuitState:
        """The state that the next call will find."""
        return CircuitState.HALF_OPEN if self._state is CircuitState.OPEN and self._remaining_seconds(self._now()) <= 0 else self._state

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` returns or raises. Raises `CircuitOpen` without calling it while the circuit refuses calls."""
        began = self._now()
        period = self._admit(began)
        try:
            result = await func()
        except Refused:
            self._release_probe(period)
            raise
        except Exception as error:
            self._record(period, began, failed=isinstance(error, self.config.failures))
            raise
        except BaseException:  # cancelled: the outcome is unknown
            self._release_probe(period)
            raise
        self._record(period, began, failed=False)
        return result

    def _admit(self, now: float) -> int:
        """The period of a call that is let through. Raises `CircuitOpen`."""
        if self._state is CircuitState.OPEN:
            left = self._remaining_seconds(now)
            if left > 0:
                raise self._refusal(left)
            self._change(CircuitState.HALF_OPEN, now)
        if self._state is CircuitState.HALF_OPEN:
            if self._probing + self._probed.calls >= self.config.probes:
                raise self._refusal(min(self.config.slow_seconds, self.config.open_seconds))
            self._probing += 1
        return self._period

    def _refusal(self, retry_after: float) -> CircuitOpen:
        self.refused += 1
        return CircuitOpen(
            f"{self.name} has failed or was slow too often; no calls are sent for {retry_after:.1f} s.", retry_after=retry_after
        )

    def _record(self, period: int, began: float, *, failed: bool) -> None:
        now = self._now()
        outcome = Tally(1, int(failed), int(now - began > self.config.slow_seconds))
        self.total.add(outcome)
        self._release_probe(period)
        if period != self._period:
            return
        if self._state is CircuitState.HALF_OPEN:
            self._probed.add(outcome)
            self._judge_probes(now)
        else:
            seen = self._window.add(outcome, now)
            self._in_a_row = self._in_a_row + 1 if failed else 0
            exceeds = seen.calls >= self.config.minimum_calls and self._exceeds_a_rate(seen, seen.calls)
            if exceeds or self._in_a_row >= self.config.in_a_row:
                self._change(CircuitState.OPEN, now)

    def _judge_probes(self, now: float) -> None:
        """Decide as soon as the result is certain: the missing probes cannot close the circuit, or there are none."""
        if self._exceeds_a_rate(self._probed, self.config.probes):
            self._change(CircuitState.OPEN, now)
        elif self._probed.calls == self.config.probes:
            self._change(CircuitState.CLOSED, now)

    def _exceeds_a_rate(self, seen: Tally, of: int) -> bool:
        return seen.failures / of >= self.config.failure_rate or seen.slow / of >= self.config.slow_rate

    def _release_probe(self, period: int) -> None:
        if period == self._period and self._state is CircuitState.HALF_OPEN:
            self._probing -= 1

    def _change(self, after: CircuitState, now: float) -> None:
        change = StateChange(self.name, self._state, after)
        self._state, self._since = after, now
        self._period += 1
        self._probing, self._in_a_row, self._probed, self._window = 0, 0, Tally(), Window(self.config.window_seconds)
        self.openings += after is CircuitState.OPEN
        for observer in self._observers:
            try:
                observer(change)
            except Exception:
                logger.exception("circuit_observer_failed", dependency=self.name)

    def _remaining_seconds(self, now: float) -> float:
        return self._since + self.config.open_seconds - now
