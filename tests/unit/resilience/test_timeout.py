"""One attempt ends in time, with what it was doing cancelled; an error of its own stays what it is."""

import asyncio
import socket
import time

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.resilience.errors import TimedOut
from api_base.infrastructure.resilience.patterns import Timeout
from tests.virtual_time import in_virtual_time, now


@in_virtual_time
async def test_what_takes_too_long_is_ended() -> None:
    ended: list[float] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            ended.append(now())

    with pytest.raises(TimedOut, match=r"mail .*2 s") as raised:
        await Timeout(2, name="mail").execute(slow)
    assert ended == [2]
    assert isinstance(raised.value, Unavailable)


@in_virtual_time
async def test_an_answer_in_time_and_an_error_of_its_own_pass() -> None:
    own = TimeoutError("the driver's")

    async def answers() -> int:
        await asyncio.sleep(1.9)
        return 7

    async def fails() -> None:
        raise own

    assert await Timeout(2).execute(answers) == 7
    with pytest.raises(TimeoutError) as raised:
        await Timeout(2).execute(fails)
    assert raised.value is own


@in_virtual_time
async def test_a_cancellation_from_outside_is_no_timeout() -> None:
    task = asyncio.create_task(Timeout(2).execute(asyncio.Event().wait))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_that_arrived_while_the_event_loop_was_busy_counts() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def busy() -> None:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass

    async def asks() -> bytes:
        theirs.send(b"x")
        busy()  # the timer is due before anybody reads
        return await asyncio.get_running_loop().sock_recv(ours, 1)

    async def slow() -> bytes:
        busy()
        return await asyncio.get_running_loop().sock_recv(ours, 1)

    with ours, theirs:
        assert await Timeout(0.05).execute(asks) == b"x"
        with pytest.raises(TimedOut):
            await Timeout(0.05).execute(slow)
