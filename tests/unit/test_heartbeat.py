"""The question of a heartbeat: whether the server answers, whatever it answers, and within which time."""

import asyncio

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.db import heartbeat
from api_base.infrastructure.db.clock_watch import ClockWatch
from api_base.infrastructure.db.connecting import Connection
from tests.virtual_time import in_virtual_time, now


class Asked:
    """A connection whose answer takes `seconds`. It remembers whether the question was given up."""

    def __init__(self, seconds: float, error: Exception | None = None) -> None:
        self._seconds, self._error = seconds, error
        self.given_up = asyncio.Event()

    async def fetchval(self, sql: str) -> float:
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        if self._error is not None:
            raise self._error
        return 0.0


async def answers(connection: Asked) -> bool:
    return await heartbeat.answers(connection, ClockWatch())


@in_virtual_time
async def test_an_answer_within_twice_the_patience_counts() -> None:
    assert await answers(Asked(0))
    assert await answers(Asked(1.5 * heartbeat.PATIENCE))


@in_virtual_time
async def test_an_error_is_no_answer() -> None:
    assert not await answers(Asked(0, ConnectionResetError()))


@in_virtual_time
async def test_a_silent_server_is_given_up_together_with_the_question() -> None:
    connection, before = Asked(3600), now()
    assert not await answers(connection)
    assert now() - before == 2 * heartbeat.PATIENCE
    await asyncio.wait_for(connection.given_up.wait(), 1)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [(ConnectionRefusedError(), True), (TimeoutError(), False)],
    ids=["a refusal is an answer", "a connection that was never made is none"],
)
@in_virtual_time
async def test_a_server_answers_a_new_connection_whatever_it_answers(cause: Exception, expected: bool) -> None:
    async def connect() -> Connection:
        raise Unavailable("The database cannot be reached.") from cause

    assert await heartbeat.connects(connect) is expected
