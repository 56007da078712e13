"""Tells workers that there are events, by NOTIFY: once for all commits of a few milliseconds, off the request's path.

Not in the transaction itself: a NOTIFY takes a lock of the whole server at commit, so that commits could no longer be written to
disk together. A process that dies before it has told leaves it to the workers' poll.
"""

import asyncio
from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.pool import ConnectionPool

logger = get_logger(__name__)

CHANNEL: Final = "events"
PAUSE: Final = 0.002
"""Seconds in which commits are told together."""


class EventSignal:
    """Call it after each commit with events."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._telling: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        await asyncio.sleep(PAUSE)
        self._telling = None  # whoever commits from here on is told of by the next
        try:
            await self._pool.run(lambda connection: connection.execute(f"notify {CHANNEL}"))
        except Exception as error:
            logger.info("events_not_told", reason=str(error) or type(error).__name__)
