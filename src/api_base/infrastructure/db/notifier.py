"""Notify workers of new work (NOTIFY): immediately for the first commit, then once for all commits within a few milliseconds.

NOTIFY is not part of the transaction: at commit it takes a server-wide lock, which prevents group commit. If a process dies before it
notifies, the workers find the work by polling.
"""

import asyncio
from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.pool import ConnectionPool

logger = get_logger(__name__)

BATCH_DELAY: Final = 0.002
"""Seconds during which commits share one notification."""


class CoalescingNotifier:
    """Call it after each commit that left work for the listeners of `channel`."""

    def __init__(self, pool: ConnectionPool, channel: str) -> None:
        self._pool, self._channel = pool, channel
        self._sending: asyncio.Task[None] | None = None
        self._again = False

    def __call__(self) -> None:
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._notify())
        else:
            self._again = True

    async def _notify(self) -> None:
        try:
            while True:
                self._again = False  # commits from here on need another notification
                await self._pool.run(lambda connection: connection.execute(f"notify {self._channel}"))
                await asyncio.sleep(BATCH_DELAY)
                if not self._again:
                    return
        except Exception as error:
            logger.info("notify_failed", channel=self._channel, reason=str(error) or type(error).__name__)
        finally:
            self._sending = None
