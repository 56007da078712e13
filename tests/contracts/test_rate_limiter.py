"""Every `RateLimiter`: never more than burst + quota · t / window in any t seconds; who waits as told is let through."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_base.core.protocols import Limit, RateLimiter
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from api_base.infrastructure.rate_limit.shared import SharedRateLimiter


class Seconds:
    """A monotonic clock that stands until it is moved."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time


type Make = Callable[[Seconds], RateLimiter]


@pytest.fixture(scope="module", params=["memory", "shared memory"])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    if request.param == "memory":
        return lambda seconds: MemoryRateLimiter(now=seconds)
    tables = (tmp_path_factory.mktemp("tables") / str(number) for number in count())
    return lambda seconds: SharedRateLimiter(next(tables), now=seconds)


LIMITS = st.builds(
    Limit, name=st.just("test"), quota=st.integers(1, 1000), window=st.floats(0.1, 3600, allow_nan=False), burst=st.integers(1, 20)
)
PAUSES = st.lists(st.tuples(st.floats(0, 2, allow_nan=False), st.integers(1, 3)), max_size=60)


@settings(deadline=None)
@given(limit=LIMITS, pauses=PAUSES)
def test_what_is_given_back_was_never_charged(make: Make, limit: Limit, pauses: list[tuple[float, int]]) -> None:
    async def run() -> None:
        seconds = Seconds()
        limiter, interval = make(seconds), limit.window / limit.quota
        for pause, cost in pauses:
            seconds.time += pause * interval
            before = await limiter.peek("a", limit)
            if (await limiter.hit("a", limit, cost)).allowed:
                await limiter.hit("a", limit, -cost)
            assert (await limiter.peek("a", limit)).remaining == before.remaining
            await limiter.hit("a", limit)

    asyncio.run(run())


@settings(deadline=None)
@given(limit=LIMITS, pauses=PAUSES)
def test_no_stretch_of_time_sees_more_than_the_limit(make: Make, limit: Limit, pauses: list[tuple[float, int]]) -> None:
    async def run() -> list[tuple[float, int]]:
        seconds = Seconds()
        limiter, interval = make(seconds), limit.window / limit.quota
        passed = []
        for pause, cost in pauses:
            seconds.time += pause * interval
            if (await limiter.hit("a", limit, cost)).allowed:
                passed.append((seconds.time, cost))
        return passed

    passed = asyncio.run(run())
    for begin in range(len(passed)):
        charged = 0
        for moment, cost in passed[begin:]:
            charged += cost
            assert charged <= limit.burst + (moment - passed[begin][0] + 2e-6) * limit.quota / limit.window


@settings(deadline=None)
@given(limit=LIMITS, hits=st.integers(0, 25))
def test_who_waits_as_long_as_told_passes_and_who_does_not_fails(make: Make, limit: Limit, hits: int) -> None:
    async def run() -> None:
        seconds = Seconds()
        limiter = make(seconds)
        for _ in range(limit.burst + hits):
            refused = await limiter.hit("a", limit)
        refused = await limiter.hit("a", limit)
        assert not refused.allowed
        assert refused.remaining == 0
        seconds.time += refused.retry_after - 1e-4
        assert limit.window / limit.quota < 1e-3 or not (await limiter.peek("a", limit)).allowed
        seconds.time += 1e-4
        assert (await limiter.hit("a", limit)).allowed

    asyncio.run(run())


@settings(deadline=None)
@given(limit=LIMITS, pauses=PAUSES)
def test_remaining_is_how_often_more_and_reset_when_all_is_there_again(make: Make, limit: Limit, pauses: list[tuple[float, int]]) -> None:
    async def run() -> None:
        seconds = Seconds()
        limiter, interval = make(seconds), limit.window / limit.quota
        for pause, cost in pauses:
            seconds.time += pause * interval
            await limiter.hit("a", limit, cost)
        decision = await limiter.hit("a", limit)
        for left in range(decision.remaining, 0, -1):
            decision = await limiter.hit("a", limit)
            assert decision.allowed
            assert decision.remaining == left - 1
        assert not (await limiter.hit("a", limit)).allowed
        seconds.time += (await limiter.peek("a", limit)).reset
        assert [(await limiter.hit("a", limit)).allowed for _ in range(limit.burst + 1)] == [True] * limit.burst + [False]

    asyncio.run(run())


async def test_peeking_decides_the_same_and_charges_nothing(make: Make) -> None:
    limiter, limit = make(Seconds()), Limit(name="test", quota=10, window=1, burst=2)
    for _ in range(4):
        peeked = [await limiter.peek("a", limit) for _ in range(3)]
        assert peeked == [await limiter.hit("a", limit)] * 3


async def test_keys_do_not_know_each_other(make: Make) -> None:
    limiter, limit = make(Seconds()), Limit(name="test", quota=1, window=60, burst=1)
    assert (await limiter.hit("a", limit)).allowed
    assert not (await limiter.hit("a", limit)).allowed
    assert (await limiter.hit("b", limit)).allowed


async def test_a_refusal_costs_nothing_and_what_is_dearer_than_the_burst_never_passes(make: Make) -> None:
    seconds = Seconds()
    limiter, limit = make(seconds), Limit(name="test", quota=10, window=1, burst=5)
    assert (await limiter.hit("a", limit, 4)).allowed
    assert not (await limiter.hit("a", limit, 2)).allowed
    assert (await limiter.hit("a", limit, 1)).allowed
    seconds.time += 3600
    assert not (await limiter.hit("a", limit, 6)).allowed
    assert (await limiter.hit("a", limit, 5)).allowed
