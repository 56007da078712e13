"""The order of the patterns, as seen from outside: bulkhead, retry, breaker, timeout."""

import asyncio
from dataclasses import replace
from math import inf

import pytest

from api_base.core.errors import Transient, Unavailable
from api_base.core.protocols import CircuitState
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreakerConfig
from api_base.infrastructure.resilience.errors import BulkheadFull, CircuitOpen, TimedOut
from api_base.infrastructure.resilience.patterns import BulkheadConfig, CircuitHealthCheck, Policy, PolicyConfig, PolicyRegistry
from api_base.infrastructure.resilience.retry import RetryConfig
from tests.virtual_time import in_virtual_time, now

CONFIG = PolicyConfig(
    bulkhead=BulkheadConfig(concurrent=1, queued=5, queue_seconds=100),
    retry=RetryConfig(attempts=10, first_delay=1, max_delay=1, total_seconds=100),
    breaker=CircuitBreakerConfig(minimum_calls=4, slow_seconds=1, open_seconds=30, probes=1),
    timeout=2,
)


def policy(config: PolicyConfig = CONFIG) -> Policy:
    return Policy("mail", config, now=now, uniform=lambda: 1.0)


class Down:
    """Fails so many times, for ever by default."""

    def __init__(self, times: float = inf) -> None:
        self.asked, self.times = 0, times

    async def __call__(self) -> None:
        self.asked += 1
        if self.asked <= self.times:
            raise Transient("down")


@in_virtual_time
async def test_the_breaker_counts_each_attempt_and_when_it_opens_the_retries_end() -> None:
    mail, down = policy(), Down()
    with pytest.raises(CircuitOpen):
        await mail.execute(down, idempotent=True)
    assert down.asked == 4
    figures = mail.figures()
    assert (figures.state, figures.calls, figures.failures, figures.retries, figures.openings) == (CircuitState.OPEN, 4, 4, 4, 1)
    assert figures.refused == 1


@in_virtual_time
async def test_a_dependency_that_hangs_is_a_failure_to_the_breaker_and_worth_another_attempt() -> None:
    mail = policy()
    hangs = asyncio.Event()

    async def once_then_never() -> str:
        if now() >= 3:
            return "answer"
        await hangs.wait()
        raise AssertionError

    assert await mail.execute(once_then_never, idempotent=True) == "answer"
    assert now() == 4  # 2 s until it timed out, then 1 s as TimedOut asks, 1 s of backoff
    for _ in range(2):
        with pytest.raises(TimedOut):
            await mail.execute(hangs.wait)
    with pytest.raises(CircuitOpen):
        await mail.execute(hangs.wait)


@in_virtual_time
async def test_who_waits_for_the_next_attempt_holds_a_place_and_the_queue_is_nobodys_slowness() -> None:
    mail = policy()
    failing = asyncio.create_task(mail.execute(Down(2), idempotent=True))
    await asyncio.sleep(0.5)  # its first attempt is over
    assert (mail.figures().in_flight, mail.figures().calls) == (1, 1)

    async def quick() -> float:
        return now()

    assert await mail.execute(quick) == 2  # it waited longer than what is slow
    await failing
    assert (mail.figures().slow, mail.figures().retries) == (0, 2)


@in_virtual_time
async def test_a_full_bulkhead_is_no_failure_and_not_retried() -> None:
    mail = policy(replace(CONFIG, bulkhead=BulkheadConfig(concurrent=1, queued=0)))
    holds = asyncio.create_task(mail.execute(lambda: asyncio.sleep(1)))
    await asyncio.sleep(0)
    for _ in range(10):
        with pytest.raises(BulkheadFull):
            await mail.execute(Down(), idempotent=True)
    await holds
    figures = mail.figures()
    assert (figures.refused, figures.failures, figures.retries, figures.state) == (10, 0, 0, CircuitState.CLOSED)


@in_virtual_time
async def test_a_call_takes_no_longer_than_its_parts_allow() -> None:
    mail = policy(replace(CONFIG, retry=RetryConfig(attempts=10, total_seconds=7)))

    async def hangs() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Unavailable):
        await mail.execute(hangs, idempotent=True)
    assert 7 < now() <= 7 + CONFIG.timeout


@in_virtual_time
async def test_cancelled_calls_leave_no_trace() -> None:
    mail = policy(replace(CONFIG, bulkhead=BulkheadConfig(concurrent=10)))
    tasks = [asyncio.create_task(mail.execute(asyncio.Event().wait, idempotent=True)) for _ in range(10)]
    await asyncio.sleep(1)
    assert mail.figures().in_flight == 10
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    figures = mail.figures()
    assert (figures.in_flight, figures.calls, figures.failures, figures.state) == (0, 0, 0, CircuitState.CLOSED)


@in_virtual_time
async def test_a_dependency_is_well_again_when_its_circuit_has_closed() -> None:
    mail = policy()
    check = CircuitHealthCheck(mail)
    await check.check()
    with pytest.raises(CircuitOpen):
        await mail.execute(Down(), idempotent=True)
    with pytest.raises(Unavailable, match="open"):
        await check.check()
    await asyncio.sleep(30)
    with pytest.raises(Unavailable, match="half_open"):
        await check.check()
    await mail.execute(lambda: asyncio.sleep(0))
    await check.check()
    assert (check.name, check.required) == ("mail", False)


async def test_a_dispensable_dependency_fails_quickly_and_its_circuit_opens_after_five_failures() -> None:
    registry, down = PolicyRegistry(PolicyConfig()), Down()
    cache = registry.dispensable("redis", 0.001)
    assert registry.dispensable("redis", 0.001) is cache
    assert [one.name for one in registry.figures()] == ["redis"]
    with pytest.raises(TimedOut, match="within 0.001 s"):
        await cache.execute(asyncio.Event().wait)
    for _ in range(4):
        with pytest.raises(Transient):
            await cache.execute(down)
    with pytest.raises(CircuitOpen) as refused:
        await cache.execute(down)
    assert down.asked == 4
    assert refused.value.retry_after <= 1
