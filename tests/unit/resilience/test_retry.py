"""Retrying: only what is declared harmless, with growing spread-out pauses, bounded in number, time and share."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.errors import NotFound, Transient, Unavailable
from api_base.infrastructure.resilience.errors import CircuitOpen
from api_base.infrastructure.resilience.retry import Retry, RetryBudget, RetryConfig
from tests.virtual_time import in_virtual_time, now


class Failing:
    """Raises `errors` one after another, then answers; notes when it was asked."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.asked = list(errors), list[float]()

    async def __call__(self) -> str:
        self.asked.append(now())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def retry(config: RetryConfig, uniform: Callable[[], float] = lambda: 0.5) -> Retry[str]:
    return Retry(config, name="mail", now=now, uniform=uniform)


@in_virtual_time
async def test_pauses_double_are_spread_and_have_an_end() -> None:
    func = Failing(*[Transient("x")] * 5)
    retries = retry(RetryConfig(attempts=6, first_delay=1, max_delay=4, total_seconds=60))
    assert await retries.execute(func, idempotent=True) == "answer"
    assert func.asked == pytest.approx([0, 0.5, 1.5, 3.5, 5.5, 7.5])
    assert retries.retries == 5


@in_virtual_time
async def test_what_is_not_declared_harmless_is_never_repeated() -> None:
    func = Failing(Transient("x"))
    with pytest.raises(Transient):
        await retry(RetryConfig()).execute(func)
    assert len(func.asked) == 1


@pytest.mark.parametrize("error", [NotFound("x", 1), ValueError(), CircuitOpen("x"), asyncio.CancelledError()])
def test_what_a_repetition_does_not_help_is_not_repeated(error: BaseException) -> None:
    @in_virtual_time
    async def main() -> int:
        func = Failing(error)
        with pytest.raises(type(error)) as raised:
            await retry(RetryConfig()).execute(func, idempotent=True)
        assert raised.value is error
        return len(func.asked)

    assert main() == 1


@in_virtual_time
async def test_after_the_last_attempt_the_last_error_comes_out() -> None:
    errors = [ConnectionError(number) for number in range(4)]
    func = Failing(*errors)
    with pytest.raises(ConnectionError) as raised:
        await retry(RetryConfig(attempts=3)).execute(func, idempotent=True)
    assert raised.value is errors[2]


@in_virtual_time
async def test_nobody_comes_back_sooner_than_asked_and_not_all_at_once() -> None:
    func = Failing(Unavailable("x", retry_after=7), Unavailable("x", retry_after=3))
    await retry(RetryConfig(first_delay=1)).execute(func, idempotent=True)
    assert func.asked == pytest.approx([0, 7.5, 11.5])


@in_virtual_time
async def test_no_attempt_begins_after_the_total_time_nor_is_it_waited_for() -> None:
    func = Failing(Unavailable("x", retry_after=4), Unavailable("x", retry_after=7))
    with pytest.raises(Unavailable):
        await retry(RetryConfig(total_seconds=10, first_delay=1)).execute(func, idempotent=True)
    assert func.asked == pytest.approx([0, 4.5])
    assert now() == pytest.approx(4.5)


@in_virtual_time
async def test_a_cancelled_pause_ends_the_call() -> None:
    func = Failing(Unavailable("x", retry_after=9))
    task = asyncio.create_task(retry(RetryConfig()).execute(func, idempotent=True))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(func.asked) == 1


@in_virtual_time
async def test_an_outage_is_not_multiplied() -> None:
    retries = retry(RetryConfig(attempts=5, budget=0.25, budget_reserve=10))
    asked = 0

    async def down() -> str:
        nonlocal asked
        asked += 1
        raise Transient("down")

    for _ in range(1000):
        with pytest.raises(Transient):
            await retries.execute(down, idempotent=True)
    assert 1000 + 250 <= asked <= 1000 + 250 + 10
    assert retries.retries == asked - 1000


@given(eighths=st.integers(0, 8), reserve=st.integers(1, 5), wishes=st.lists(st.booleans(), max_size=80))
def test_no_stretch_has_more_retries_than_the_reserve_and_the_share_of_its_calls(eighths: int, reserve: int, wishes: list[bool]) -> None:
    budget = RetryBudget(eighths / 8, reserve)
    taken = []
    for wish in wishes:
        if wish:
            taken.append((0, budget.withdraw()))
        else:
            budget.deposit()
            taken.append((1, False))
    for begin in range(len(taken)):
        calls = retried = 0
        for call, granted in taken[begin:]:
            calls, retried = calls + call, retried + granted
            assert retried <= reserve + calls * eighths / 8


@given(eighths=st.integers(1, 8), reserve=st.integers(1, 5), calls=st.integers(0, 40))
def test_an_empty_budget_is_filled_by_calls_up_to_the_reserve(eighths: int, reserve: int, calls: int) -> None:
    budget = RetryBudget(eighths / 8, reserve)
    assert [budget.withdraw() for _ in range(reserve + 1)] == [True] * reserve + [False]
    for _ in range(calls):
        budget.deposit()
    assert sum(budget.withdraw() for _ in range(reserve + 1)) == min(reserve, calls * eighths // 8)
