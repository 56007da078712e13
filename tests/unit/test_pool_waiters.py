"""Who waits for a connection is served in turn, and refused in time, by one timer for all."""

import asyncio

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.waiters import Waiters
from tests.virtual_time import in_virtual_time


def everyone(section: str) -> bool:
    return True


@in_virtual_time
async def test_each_is_refused_after_its_own_time() -> None:
    waiters: Waiters[str] = Waiters(5)
    loop, ended = asyncio.get_running_loop(), []

    async def wait(begin: float) -> None:
        await asyncio.sleep(begin)
        with pytest.raises(Unavailable, match="No database connection became free within 5 s"):
            await waiters.add("a")
        ended.append(round(loop.time(), 3))

    await asyncio.gather(*(wait(begin) for begin in (0, 1, 1, 9, 30)))
    assert ended == [5, 6, 6, 14, 35]
    assert len(waiters.line) == 0


@in_virtual_time
async def test_the_longest_waiting_of_an_admitted_section_is_next() -> None:
    waiters: Waiters[str] = Waiters(5)
    crowded, first, second = waiters.add("crowded"), waiters.add("free"), waiters.add("free")
    assert waiters.next(lambda section: section == "free") == (first, "free")
    assert waiters.next(everyone) == (crowded, "crowded")
    assert waiters.next(lambda section: section == "crowded") is None
    assert waiters.next(everyone) == (second, "free")
    assert (waiters.next(everyone), len(waiters.line)) == (None, 0)


@in_virtual_time
async def test_who_was_served_or_cancelled_is_not_refused() -> None:
    waiters: Waiters[str] = Waiters(5)
    served, cancelled, last = waiters.add("a"), waiters.add("a"), waiters.add("a")
    cancelled.cancel()
    found = waiters.next(everyone)
    assert found == (served, "a")
    served.set_result("connection")
    assert waiters.next(everyone) == (last, "a"), "the cancelled one is passed over"
    last.set_result("connection")
    await asyncio.sleep(6)
    assert (await served, await last, len(waiters.line)) == ("connection", "connection", 0)


@in_virtual_time
async def test_one_that_was_cancelled_leaves_the_line() -> None:
    waiters: Waiters[str] = Waiters(5)
    waiter = waiters.add("a")
    waiter.cancel()
    assert (waiters.remove(waiter), waiters.remove(waiter), len(waiters.line)) == (True, False, 0)
    await asyncio.sleep(6)
    again = waiters.add("a")
    with pytest.raises(Unavailable):
        await again
    assert asyncio.get_running_loop().time() == pytest.approx(11)


@in_virtual_time
async def test_all_are_refused_at_once_and_the_timer_ends() -> None:
    waiters: Waiters[str] = Waiters(5)
    both = waiters.add("a"), waiters.add("b")
    waiters.refuse_all(lambda: Unavailable("It ends."))
    for waiter in both:
        with pytest.raises(Unavailable, match="It ends"):
            await waiter
    await asyncio.sleep(3)
    late = waiters.add("a")
    with pytest.raises(Unavailable):
        await late
    assert asyncio.get_running_loop().time() == pytest.approx(8)
