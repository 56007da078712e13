"""The heartbeat of a pool: one idle connection is asked at a time, the one that was used least recently first.

If it does not answer, neither will the others that were open at that time: all of them are retired, and requests open new ones. While none is
idle and none is returned, a new one is opened and closed: a request that waits for its commit has no other end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.clock_watch import ClockWatch, seconds_ahead
from api_base.infrastructure.db.connecting import Connection

INTERVAL: Final = 5.0
PATIENCE: Final = 2.5
"""Seconds to wait for the answer, twice: if this process stands still, it reads the answer in the second time."""


async def answers(connection: Connection, clock: ClockWatch) -> bool:
    """Return whether the server answers on the connection. Its time is compared on the way."""
    asked = asyncio.ensure_future(seconds_ahead(connection))
    try:
        for _ in range(2):
            done, _pending = await asyncio.wait([asked], timeout=PATIENCE)
            if done:
                if asked.exception() is not None:
                    return False
                clock.note(asked.result())
                return True
        return False
    finally:
        asked.cancel()


async def connects(connect: Callable[[], Awaitable[Connection]]) -> bool:
    """Return whether the server answers a new connection, whatever it answers."""
    try:
        connection = await asyncio.wait_for(connect(), 2 * PATIENCE)
    except TimeoutError:
        return False
    except Unavailable as error:
        return not isinstance(error.__cause__, TimeoutError)
    connection.terminate()
    return True
