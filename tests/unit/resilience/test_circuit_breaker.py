"""The circuit breaker by example; test_circuit_breaker_states.py holds it to a model."""

import pytest

from api_base.core.errors import Unavailable
from api_base.core.protocols import CircuitState
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreaker, CircuitBreakerConfig, StateChange
from api_base.infrastructure.resilience.errors import CircuitOpen

CONFIG = CircuitBreakerConfig(minimum_calls=2, open_seconds=10, probes=1)


class Dependency:
    """Fails while it is `down`."""

    def __init__(self) -> None:
        self.down, self.asked = True, 0

    async def __call__(self) -> str:
        self.asked += 1
        if self.down:
            raise Unavailable("down")
        return "answer"


async def test_it_opens_and_leaves_alone_then_probes_and_closes() -> None:
    seconds = 0.0
    breaker, dependency = CircuitBreaker(CONFIG, name="mail", now=lambda: seconds), Dependency()
    for _ in range(2):
        with pytest.raises(Unavailable, match="down"):
            await breaker.execute(dependency)
    seconds = 4.0
    with pytest.raises(CircuitOpen, match="mail") as refused:
        await breaker.execute(dependency)
    assert (refused.value.retry_after, dependency.asked, breaker.state) == (6.0, 2, CircuitState.OPEN)
    dependency.down, seconds = False, 10.0
    assert await breaker.execute(dependency) == "answer"
    assert breaker.state is CircuitState.CLOSED


async def test_an_observer_that_fails_disturbs_neither_the_call_nor_the_others() -> None:
    def broken(change: StateChange) -> None:
        raise ValueError

    changes: list[StateChange] = []
    breaker = CircuitBreaker(CONFIG, name="mail", observers=[broken, changes.append])
    for _ in range(2):
        with pytest.raises(Unavailable):
            await breaker.execute(Dependency())
    assert changes == [StateChange("mail", CircuitState.CLOSED, CircuitState.OPEN)]


async def test_what_was_before_it_opened_is_forgotten_when_it_closes() -> None:
    seconds = 0.0
    breaker, dependency = CircuitBreaker(CONFIG, now=lambda: seconds), Dependency()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await breaker.execute(dependency)
    dependency.down, seconds = False, 10.0
    await breaker.execute(dependency)
    dependency.down = True
    with pytest.raises(Unavailable):
        await breaker.execute(dependency)
    assert breaker.state is CircuitState.CLOSED
