"""Tells workers that there is something to do, by NOTIFY: at once, then once for all commits of a few milliseconds.

Not in the transaction itself: a NOTIFY takes a lock of the whole server at commit, so that commits could no longer be written to
disk together. A process that dies before it has told leaves it to the workers' poll.
"""

import asyncio
from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.pool import ConnectionPool

logger = get_logger(__name__)

BATCH_DELAY: Final = 0.002
"""Seconds in which commits are told together."""


class CoalescingNotifier:
    """Call it after each commit that left work for those who listen to `channel`."""

    def __init__(self, pool: ConnectionPool, channel: str) -> None:
        self._pool, self._channel = pool, channel
        self._telling: asyncio.Task[None] | None = None
        self._again = False

    def __call__(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())
        else:
            self._again = True

    async def _tell(self) -> None:
        try:
            while True:
                self._again = False  # whoever commits from here on is told of by the next
                await self._pool.run(lambda connection: connection.execute(f"notify {self._channel}"))
                await asyncio.sleep(BATCH_DELAY)
                if not self._again:
                    return
        except Exception as error:
            logger.info("not_told", channel=self._channel, reason=str(error) or type(error).__name__)
        finally:
            self._telling = None
