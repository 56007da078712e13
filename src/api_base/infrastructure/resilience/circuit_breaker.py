"""A circuit breaker [Nygard, Release It!, 2nd ed., ch. 5]: a dependency that is not well is left alone, then tried by a few.

Closed, it watches a sliding window; open, it refuses; half-open, it lets a bounded number of probes through and refuses the rest
until they have decided. As in resilience4j, an error that is not declared a failure is an answer. A cancelled call is no outcome
and frees its place among the probes; an outcome of a call from before the last change of state decides nothing any more.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from api_base.core.protocols import CircuitState
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.resilience.checks import require
from api_base.infrastructure.resilience.errors import FAILURES, CircuitOpen, Refused
from api_base.infrastructure.resilience.window import CountWindow, Tally, TimeWindow, Window

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerConfig:
    """`window` is the last `window_size` calls (`count`) or seconds (`time`). Rates are parts of the calls in it, above 0 and up to 1.

    The circuit opens when at least `minimum_calls` are in the window and `failure_rate` of them failed, or `slow_rate` took longer
    than `slow_seconds`. After `open_seconds`, `probes` calls decide by the same rates. `failures` are the errors that count.
    """

    window: Literal["count", "time"] = "time"
    window_size: float = 30
    minimum_calls: int = 10
    failure_rate: float = 0.5
    slow_seconds: float = 5.0
    slow_rate: float = 1.0
    open_seconds: float = 30.0
    probes: int = 3
    failures: tuple[type[Exception], ...] = FAILURES

    def __post_init__(self) -> None:
        require(self.window in ("count", "time"), self, "window", "must be 'count' or 'time'")
        require(0 < self.window_size < inf, self, "window_size", "must be above 0 and finite")
        if self.window == "count":
            require(self.window_size == int(self.window_size), self, "window_size", "must be a whole number of calls")
            require(self.minimum_calls <= self.window_size, self, "minimum_calls", "must not exceed window_size: it would never open")
        for name in ("minimum_calls", "probes"):
            require(getattr(self, name) >= 1, self, name, "must be at least 1")
        for name in ("failure_rate", "slow_rate"):
            require(0 < getattr(self, name) <= 1, self, name, "must be above 0 and at most 1")
        for name in ("slow_seconds", "open_seconds"):
            require(getattr(self, name) > 0, self, name, "must be above 0 seconds")
        require(bool(self.failures), self, "failures", "must name an error: it would never open")


@dataclass(frozen=True, slots=True)
class StateChange:
    """The circuit of `name` went from `before` to `after`."""

    name: str
    before: CircuitState
    after: CircuitState


class CircuitBreaker[TConfig: CircuitBreakerConfig]:
    """For one dependency, `name`, in one process and event loop. `now` tells seconds, monotonic.

    `observers` are told of each change of state, after it; one that raises is logged and disturbs nobody.
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
        self._window = self._new_window()
        self._since = now()
        self._period = 0
        """Counts changes of state: an outcome counts only in the period in which its call began."""
        self._probing = 0
        self._probed = Tally()
        self.total = Tally()
        self.refused = self.openings = 0

    @property
    def state(self) -> CircuitState:
        """As the next call will find it."""
        return CircuitState.HALF_OPEN if self._state is CircuitState.OPEN and self._left_open(self._now()) <= 0 else self._state

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` answers or raises. Raises `CircuitOpen` without calling it while the circuit does not let calls through."""
        began = self._now()
        period = self._admit(began)
        try:
            result = await func()
        except Refused:
            self._give_back(period)
            raise
        except Exception as error:
            self._answered(period, began, failed=isinstance(error, self.config.failures))
            raise
        except BaseException:  # cancelled: nobody knows what would have come
            self._give_back(period)
            raise
        self._answered(period, began, failed=False)
        return result

    def _admit(self, now: float) -> int:
        """The period of a call that may go on."""
        if self._state is CircuitState.OPEN:
            left = self._left_open(now)
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
        return CircuitOpen(f"{self.name} did not answer well of late and is left alone for a while.", retry_after=retry_after)

    def _answered(self, period: int, began: float, *, failed: bool) -> None:
        now = self._now()
        outcome = Tally(1, int(failed), int(now - began > self.config.slow_seconds))
        self.total.add(outcome)
        self._give_back(period)
        if period != self._period:
            return
        if self._state is CircuitState.HALF_OPEN:
            self._probed.add(outcome)
            self._judge_probes(now)
        else:
            seen = self._window.add(outcome, now)
            if seen.calls >= self.config.minimum_calls and self._unwell(seen, seen.calls):
                self._change(CircuitState.OPEN, now)

    def _judge_probes(self, now: float) -> None:
        """As soon as the verdict is certain: what the missing probes bring can no longer close the circuit, or all are there."""
        if self._unwell(self._probed, self.config.probes):
            self._change(CircuitState.OPEN, now)
        elif self._probed.calls == self.config.probes:
            self._change(CircuitState.CLOSED, now)

    def _unwell(self, seen: Tally, of: int) -> bool:
        return seen.failures / of >= self.config.failure_rate or seen.slow / of >= self.config.slow_rate

    def _give_back(self, period: int) -> None:
        if period == self._period and self._state is CircuitState.HALF_OPEN:
            self._probing -= 1

    def _change(self, after: CircuitState, now: float) -> None:
        change = StateChange(self.name, self._state, after)
        self._state, self._since = after, now
        self._period += 1
        self._probing, self._probed, self._window = 0, Tally(), self._new_window()
        self.openings += after is CircuitState.OPEN
        for observer in self._observers:
            try:
                observer(change)
            except Exception:
                logger.exception("circuit_observer_failed", dependency=self.name)

    def _left_open(self, now: float) -> float:
        return self._since + self.config.open_seconds - now

    def _new_window(self) -> Window:
        size = self.config.window_size
        return CountWindow(int(size)) if self.config.window == "count" else TimeWindow(size)
