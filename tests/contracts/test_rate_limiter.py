"""Every `RateLimiter` allows at most burst + quota · t / window in any t seconds, lets a caller through after `retry_after`, and charges all or none."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_base.core.protocols import Charge, Rate, RateDecision, RateLimiter, RateState
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter
from api_base.infrastructure.rate_limit.shared import SharedRateLimiter
from tests.factories.limits import Seconds, hit, redis_limiter

type Make = Callable[[Seconds], RateLimiter]
type Use = Callable[[RateLimiter, Seconds], Awaitable[None]]


@pytest.fixture(params=["memory", "shared memory", "redis"])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    if request.param == "memory":
        return lambda seconds: MemoryRateLimiter(now=seconds)
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        return lambda seconds: redis_limiter(url, now=seconds)
    tables = (tmp_path_factory.mktemp("tables") / str(number) for number in count())
    return lambda seconds: SharedRateLimiter(next(tables), now=seconds)


def run(make: Make, use: Use) -> None:
    async def closed_after_use() -> None:
        seconds = Seconds()
        limiter = make(seconds)
        try:
            await use(limiter, seconds)
        finally:
            await limiter.close()

    asyncio.run(closed_after_use())


RATES = st.builds(Rate, quota=st.integers(1, 1000), window=st.floats(0.1, 3600, allow_nan=False), burst=st.integers(1, 20))
PAUSES = st.lists(st.tuples(st.floats(0, 2, allow_nan=False), st.integers(1, 3)), max_size=30)
EXAMPLES = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def state_of(limiter: RateLimiter, partition: str, rate: Rate) -> RateState:
    """What one more charge would be answered."""
    return (await hit(limiter, partition, rate, checked=True)).states[0]


@EXAMPLES
@given(rate=RATES, pauses=PAUSES)
def test_what_is_given_back_was_never_charged(make: Make, rate: Rate, pauses: list[tuple[float, int]]) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        for pause, cost in pauses:
            seconds.time += pause * rate.interval
            before = await state_of(limiter, "a", rate)
            if (await hit(limiter, "a", rate, cost)).allowed:
                await hit(limiter, "a", rate, -cost)
            assert (await state_of(limiter, "a", rate)).remaining == before.remaining
            await hit(limiter, "a", rate)

    run(make, use)


@EXAMPLES
@given(rate=RATES, pauses=PAUSES)
def test_no_stretch_of_time_sees_more_than_the_limit(make: Make, rate: Rate, pauses: list[tuple[float, int]]) -> None:
    passed: list[tuple[float, int]] = []

    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        for pause, cost in pauses:
            seconds.time += pause * rate.interval
            if (await hit(limiter, "a", rate, cost)).allowed:
                passed.append((seconds.time, cost))

    run(make, use)
    for begin in range(len(passed)):
        charged = 0
        for moment, cost in passed[begin:]:
            charged += cost
            assert charged <= rate.burst + (moment - passed[begin][0] + 2e-6) * rate.quota / rate.window


@EXAMPLES
@given(rate=RATES, hits=st.integers(0, 5))
def test_who_waits_as_long_as_told_passes_and_who_does_not_fails(make: Make, rate: Rate, hits: int) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        for _ in range(rate.burst + hits):
            await hit(limiter, "a", rate)
        refused = (await hit(limiter, "a", rate)).states[0]
        assert not refused.allowed
        assert refused.remaining == 0
        seconds.time += refused.retry_after - 1e-4
        assert rate.interval < 1e-3 or not (await state_of(limiter, "a", rate)).allowed
        seconds.time += 1e-4
        assert (await hit(limiter, "a", rate)).allowed

    run(make, use)


@EXAMPLES
@given(rate=RATES, pauses=PAUSES)
def test_remaining_is_how_often_more_and_reset_when_all_is_there_again(make: Make, rate: Rate, pauses: list[tuple[float, int]]) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        for pause, cost in pauses:
            seconds.time += pause * rate.interval
            await hit(limiter, "a", rate, cost)
        state = (await hit(limiter, "a", rate)).states[0]
        for left in range(state.remaining, 0, -1):
            state = (await hit(limiter, "a", rate)).states[0]
            assert state.allowed
            assert state.remaining == left - 1
        assert not (await hit(limiter, "a", rate)).allowed
        seconds.time += (await state_of(limiter, "a", rate)).reset
        assert [(await hit(limiter, "a", rate)).allowed for _ in range(rate.burst + 1)] == [True] * rate.burst + [False]

    run(make, use)


POLICIES = (Rate(10, 1.0, 3), Rate(60, 60.0, 5), Rate(7, 0.3, 2), Rate(1, 3600.0, 4))
CHARGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from([1, 1, 1, 2, 3, 6]), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one[:2],
)
STEPS = st.lists(st.tuples(st.floats(0, 2, allow_nan=False), CHARGES, st.sampled_from([1, 1, 1, -1])), max_size=25)


@EXAMPLES
@given(steps=STEPS)
def test_decisions_are_those_of_the_limiter_in_memory(make: Make, steps: list[tuple[float, list[tuple[str, int, int, bool]], int]]) -> None:
    """Several policies of several partitions at once."""

    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        model = MemoryRateLimiter(now=seconds)
        for pause, wanted, sign in steps:
            seconds.time += pause
            charges = [
                Charge(partition, str(policy), POLICIES[policy], sign * cost, checked) for partition, policy, cost, checked in wanted
            ]
            decision, expected = await limiter.hit(charges), await model.hit(charges)
            assert decision.allowed == expected.allowed
            assert [state[:2] for state in decision.states] == [state[:2] for state in expected.states]
            for state, other in zip(decision.states, expected.states, strict=True):
                assert state[2:] == pytest.approx(other[2:], abs=1e-8)

    run(make, use)


def test_when_one_policy_refuses_the_others_are_not_charged(make: Make) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        wide, narrow = Rate(10, 60, 10), Rate(1, 60, 1)
        both = [Charge("a", "wide", wide), Charge("a", "narrow", narrow), Charge("b", "wide", wide)]
        decisions = [await limiter.hit(both) for _ in range(5)]
        assert [decision.allowed for decision in decisions] == [True, False, False, False, False]
        assert [state.allowed for state in decisions[1].states] == [True, False, True]
        left = await limiter.hit([charge._replace(checked=True) for charge in both])
        assert [state.remaining for state in left.states] == [8, 0, 8]

    run(make, use)


def test_a_checked_charge_is_decided_the_same_and_charges_nothing(make: Make) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        rate = Rate(10, 1, 2)
        for _ in range(4):
            checked = [await hit(limiter, "a", rate, checked=True) for _ in range(3)]
            assert checked == [await hit(limiter, "a", rate)] * 3

    run(make, use)


def test_partitions_and_policies_do_not_know_each_other(make: Make) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        rate = Rate(1, 60, 1)
        for partition, policy in (
            ("tenant 1", "x"),
            ("tenant 2", "x"),
            ("tenant 1", "y"),
            ("x tenant", "1"),
            ("tenant 1:x", "x"),
            ("é" * 9999, "x"),
            ("\ud800", "x"),
            ("\udfff", "x"),
            ("\0", "x"),
        ):
            answers = [await limiter.hit([Charge(partition, policy, rate)]) for _ in range(2)]
            assert [answer.allowed for answer in answers] == [True, False]

    run(make, use)


def test_a_refusal_costs_nothing_and_what_is_dearer_than_the_burst_never_passes(make: Make) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        rate = Rate(10, 1, 5)
        assert (await hit(limiter, "a", rate, 4)).allowed
        assert not (await hit(limiter, "a", rate, 2)).allowed
        assert (await hit(limiter, "a", rate, 1)).allowed
        seconds.time += 3600
        assert not (await hit(limiter, "a", rate, 6)).allowed
        assert (await hit(limiter, "a", rate, 5)).allowed

    run(make, use)


def test_a_smaller_plan_or_a_clock_that_went_back_keeps_nobody_waiting_longer_than_the_burst_takes(make: Make) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        large, small = Rate(10, 60, 1000), Rate(10, 60, 10)
        assert (await hit(limiter, "a", large, 1000)).allowed
        refused = await hit(limiter, "a", small)
        assert not refused.allowed
        assert refused.states[0].reset <= small.depth + 1e-6
        seconds.time -= 1_000
        assert (await hit(limiter, "a", small)).states[0].reset <= small.depth + 1e-6

    run(make, use)


def test_a_decision_says_by_itself_that_nothing_was_reduced(make: Make) -> None:
    async def use(limiter: RateLimiter, seconds: Seconds) -> None:
        decision: RateDecision = await hit(limiter, "a", Rate(1, 60, 1))
        assert not decision.reduced

    run(make, use)
