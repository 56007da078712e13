"""The bulkhead never holds more than it may, whoever is cancelled when, and loses no place."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_base.infrastructure.resilience.errors import BulkheadFull
from api_base.infrastructure.resilience.patterns import Bulkhead, BulkheadConfig
from tests.virtual_time import in_virtual_time, now


@dataclass(frozen=True)
class Visit:
    """In quarters of a second: when it comes, how long its call takes, how long after coming it is cancelled."""

    comes: int
    takes: int
    cancelled: int | None
    fails: bool


VISITS = st.lists(st.builds(Visit, st.integers(0, 12), st.integers(0, 8), st.none() | st.integers(0, 10), st.booleans()), max_size=20)


@settings(max_examples=200)
@given(concurrent=st.integers(1, 3), queued=st.integers(0, 3), visits=VISITS)
@in_virtual_time
async def test_bounds_hold_under_any_cancellations(concurrent: int, queued: int, visits: Sequence[Visit]) -> None:
    bulkhead = Bulkhead(BulkheadConfig(concurrent=concurrent, queued=queued, queue_seconds=1.5))
    running = 0

    async def visit(one: Visit) -> str:
        nonlocal running

        async def func() -> None:
            nonlocal running
            running += 1
            try:
                assert running <= bulkhead.in_flight <= concurrent  # a place is given before its holder wakes
                assert bulkhead.queued <= queued
                await asyncio.sleep(one.takes / 4)
                if one.fails:
                    raise OSError
            finally:
                running -= 1

        await asyncio.sleep(one.comes / 4)
        came = now()
        try:
            async with asyncio.timeout(None if one.cancelled is None else one.cancelled / 4):
                await bulkhead.execute(func)
        except BulkheadFull:
            return "refused" if now() - came <= 1.5 else "refused too late"
        except TimeoutError:
            return "cancelled"
        except OSError:
            return "failed"
        return "done"

    found = await asyncio.gather(*map(visit, visits))
    assert found.count("refused") == bulkhead.refused
    assert (bulkhead.in_flight, bulkhead.queued, running) == (0, 0, 0)
    if len(visits) <= concurrent:
        assert "refused" not in found
    all_of_it = [asyncio.create_task(bulkhead.execute(asyncio.Event().wait)) for _ in range(concurrent)]
    await asyncio.sleep(0)
    assert bulkhead.in_flight == concurrent
    for task in all_of_it:
        task.cancel()


@in_virtual_time
async def test_first_come_first_served_and_whoever_waits_too_long_is_refused() -> None:
    bulkhead = Bulkhead(BulkheadConfig(concurrent=1, queued=2, queue_seconds=3), name="mail")
    served: list[tuple[int, float]] = []

    async def call(number: int) -> None:
        async def func() -> None:
            served.append((number, now()))
            await asyncio.sleep(2)

        await bulkhead.execute(func)

    found = await asyncio.gather(*map(call, range(4)), return_exceptions=True)
    assert served == [(0, 0), (1, 2)]
    assert found[:2] == [None, None]
    assert [type(one) for one in found[2:]] == [BulkheadFull, BulkheadFull]  # 2 waited 3 s, 3 found the queue full
    assert now() == 4


@in_virtual_time
async def test_a_call_within_a_call_takes_a_place_of_its_own() -> None:
    bulkhead = Bulkhead(BulkheadConfig(concurrent=2))

    async def inner() -> int:
        return bulkhead.in_flight

    assert await bulkhead.execute(lambda: bulkhead.execute(inner)) == 2


@in_virtual_time
async def test_with_no_queue_nobody_waits() -> None:
    bulkhead = Bulkhead(BulkheadConfig(concurrent=1, queued=0))
    holds = asyncio.create_task(bulkhead.execute(asyncio.Event().wait))
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFull) as refused:
        await bulkhead.execute(asyncio.Event().wait)
    assert (refused.value.retry_after, now()) == (1.0, 0)
    holds.cancel()
