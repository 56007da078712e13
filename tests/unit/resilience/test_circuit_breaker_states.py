"""The circuit breaker against a model that remembers everything and looks through all of it each time; calls overlap at will."""

import asyncio
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from api_base.core.errors import NotFound, Unavailable
from api_base.core.protocols import CircuitState
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreaker, CircuitBreakerConfig, StateChange
from api_base.infrastructure.resilience.errors import BulkheadFull, CircuitOpen

CONFIGS = [
    CircuitBreakerConfig(window_seconds=100, minimum_calls=4, failure_rate=0.5, slow_seconds=2, open_seconds=5, probes=2),
    CircuitBreakerConfig(window_seconds=5, minimum_calls=3, failure_rate=0.7, slow_seconds=1, slow_rate=0.5, open_seconds=3, probes=3),
    CircuitBreakerConfig(window_seconds=10, minimum_calls=2, failure_rate=1, slow_seconds=2, open_seconds=5, probes=1),
    CircuitBreakerConfig(window_seconds=20, minimum_calls=3, failure_rate=0.3, slow_seconds=4, slow_rate=0.6, open_seconds=7, probes=4),
    CircuitBreakerConfig(window_seconds=20, minimum_calls=4, in_a_row=2, failure_rate=0.9, slow_seconds=9, open_seconds=2, probes=1),
]


class Suspended:
    """What a call waits for until the test makes it go on."""

    def __await__(self) -> Generator[None]:
        yield


@dataclass(eq=False)
class Call:
    coroutine: Coroutine[Any, Any, None]
    began: float
    era: int


@dataclass
class Model:
    """`outcomes` of the present era, as (time, failed, slow); an era ends with a change of state."""

    config: CircuitBreakerConfig
    changes: list[tuple[float, CircuitState]] = field(default_factory=lambda: [(0.0, CircuitState.CLOSED)])
    outcomes: list[tuple[float, bool, bool]] = field(default_factory=list)
    under_way: set[Call] = field(default_factory=set)

    @property
    def era(self) -> int:
        return len(self.changes)

    def state(self, now: float) -> CircuitState:
        since, state = self.changes[-1]
        return CircuitState.HALF_OPEN if state is CircuitState.OPEN and now - since >= self.config.open_seconds else state

    def admits(self, now: float) -> bool:
        state = self.state(now)
        if state is not self.changes[-1][1]:
            self._turn(now, state)
        probes = len(self.outcomes) + sum(call.era == self.era for call in self.under_way)
        return state is CircuitState.CLOSED or (state is CircuitState.HALF_OPEN and probes < self.config.probes)

    def answered(self, call: Call, now: float, *, failed: bool) -> None:
        if call.era != self.era:
            return
        self.outcomes.append((now, failed, now - call.began > self.config.slow_seconds))
        if self.changes[-1][1] is CircuitState.HALF_OPEN:
            if self._bad(self.outcomes, self.config.probes):
                self._turn(now, CircuitState.OPEN)
            elif len(self.outcomes) == self.config.probes:
                self._turn(now, CircuitState.CLOSED)
            return
        seen, last = self._window(now), self.outcomes[-int(min(self.config.in_a_row, 1000)) :]
        if (len(seen) >= self.config.minimum_calls and self._bad(seen, len(seen))) or (
            len(last) >= self.config.in_a_row and all(outcome[1] for outcome in last)
        ):
            self._turn(now, CircuitState.OPEN)

    def _window(self, now: float) -> list[tuple[float, bool, bool]]:
        tenth = self.config.window_seconds / 10
        return [outcome for outcome in self.outcomes if now // tenth - outcome[0] // tenth < 10]

    def _bad(self, seen: list[tuple[float, bool, bool]], of: int) -> bool:
        failed, slow = sum(outcome[1] for outcome in seen), sum(outcome[2] for outcome in seen)
        return failed / of >= self.config.failure_rate or slow / of >= self.config.slow_rate

    def _turn(self, now: float, state: CircuitState) -> None:
        self.changes.append((now, state))
        self.outcomes = []


class CircuitBreakerMachine(RuleBasedStateMachine):
    calls = Bundle("calls")

    @initialize(config=st.sampled_from(CONFIGS))
    def make(self, config: CircuitBreakerConfig) -> None:
        self.seconds = 0.0
        self.changes: list[StateChange] = []
        self.answers = self.failures = self.refused = 0
        self.model = Model(config)
        self.breaker = CircuitBreaker(config, name="mail", now=lambda: self.seconds, observers=[self.changes.append])

    @rule(target=calls)
    def begin(self) -> Call:
        async def func() -> None:
            await Suspended()

        coroutine = self.breaker.execute(func)
        if self.model.admits(self.seconds):
            coroutine.send(None)
            call = Call(coroutine, self.seconds, self.model.era)
            self.model.under_way.add(call)
            return call
        with pytest.raises(CircuitOpen) as refusal:
            coroutine.send(None)
        self.refused += 1
        assert 0 < refusal.value.retry_after <= self.model.config.open_seconds
        return Call(coroutine, self.seconds, -1)

    @rule(call=consumes(calls), error=st.sampled_from([None, Unavailable("x"), ConnectionError(), NotFound("x", 1), ValueError()]))
    def answer(self, call: Call, error: Exception | None) -> None:
        if call.era < 0:
            return
        with pytest.raises(StopIteration if error is None else type(error)) as raised:
            call.coroutine.send(None) if error is None else call.coroutine.throw(error)
        assert error is None or raised.value is error
        failed = isinstance(error, Unavailable | OSError)
        self.answers += 1
        self.failures += failed
        self.model.under_way.remove(call)
        self.model.answered(call, self.seconds, failed=failed)

    @rule(call=consumes(calls), error=st.sampled_from([asyncio.CancelledError(), BulkheadFull("x")]))
    def is_no_outcome(self, call: Call, error: BaseException) -> None:
        if call.era < 0:
            return
        with pytest.raises(type(error)):
            call.coroutine.throw(error)
        self.model.under_way.remove(call)

    @rule(quarters=st.integers(1, 12))
    def time_passes(self, quarters: int) -> None:
        self.seconds += quarters / 4

    @precondition(lambda self: self.model.changes[-1][1] is CircuitState.OPEN)
    @rule()
    def wait_until_it_may_be_tried(self) -> None:
        self.seconds = max(self.seconds, self.model.changes[-1][0] + self.model.config.open_seconds)

    @invariant()
    def same_as_the_model(self) -> None:
        assert self.breaker.state is self.model.state(self.seconds)
        assert [change.after for change in self.changes] == [state for _, state in self.model.changes[1:]]
        assert [change.before for change in self.changes] == [state for _, state in self.model.changes[:-1]]
        assert (self.breaker.total.calls, self.breaker.total.failures, self.breaker.refused) == (self.answers, self.failures, self.refused)
        assert self.breaker.openings == sum(state is CircuitState.OPEN for _, state in self.model.changes)

    def teardown(self) -> None:
        for call in self.model.under_way:
            call.coroutine.close()


CircuitBreakerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestCircuitBreaker = CircuitBreakerMachine.TestCase
