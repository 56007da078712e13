"""NOTIFY of new work, and LISTEN on a separate connection with a heartbeat."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection, keep_alive
from api_base.infrastructure.db.pool import ConnectionPool, ShuttingDown

logger = get_logger(__name__)

BATCH_DELAY: Final = 0.002
"""Seconds during which commits share one notification."""

HEARTBEAT: Final = 0.2
MAX_SILENCE: Final = 0.6
RECONNECT: Final = 0.5
NEVER: Final = float("-inf")


class CoalescingNotifier:
    """Call it after each commit that left work for the listeners of `channel`.

    It notifies immediately for the first commit, then once for all commits within a few milliseconds. NOTIFY is not part of the
    transaction: at commit it takes a server-wide lock, which prevents group commit. If a process dies before it notifies, the workers
    find the work by polling.
    """

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
        except ShuttingDown:
            return  # the listeners find the work by polling: nothing to report to who runs a short command
        except Exception as error:
            logger.info("notify_failed", channel=self._channel, reason=str(error) or type(error).__name__)
        finally:
            self._sending = None


class NotificationListener:
    """Calls `on_payload` for each notification on `channel`. `dsn` must not go through a transaction pooler. Times in seconds.

    A cache that notifications invalidate is valid until `fresh_until`: the server answered on this connection within the last
    `MAX_SILENCE` seconds, so no older notification is missing. After a gap `on_gap` is called before the cache is fresh again, and for a
    payload at which `on_payload` raises `ValueError`. `add` adds a channel to the same connection.
    """

    def __init__(self, dsn: str, channel: str, on_payload: Callable[[str], None], on_gap: Callable[[], None]) -> None:
        self._dsn, self._channel = dsn, channel
        self._channels = {channel: (on_payload, on_gap)}
        self.fresh_until = NEVER
        """The value of `time.monotonic()` until which no notification older than `MAX_SILENCE` seconds is missing."""
        self._task: asyncio.Task[None] | None = None

    def add(self, channel: str, on_payload: Callable[[str], None], on_gap: Callable[[], None]) -> None:
        """Listen on another channel too. Call it before `open`."""
        self._channels[channel] = on_payload, on_gap

    async def open(self) -> None:
        """Start listening in a task, which reconnects whenever the connection is lost."""
        self._task = asyncio.create_task(self._run(), name=f"listen:{self._channel}")

    async def close(self) -> None:
        """Stop listening. Cached values are not fresh from then on."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.fresh_until = NEVER

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                logger.warning("listener_lost", channel=self._channel, reason=str(error) or type(error).__name__)
            self.fresh_until = NEVER
            await asyncio.sleep(RECONNECT)

    async def _listen(self) -> None:
        connection: Connection = await asyncpg.connect(self._dsn, timeout=5, server_settings={"application_name": "api-base-listener"})
        try:
            keep_alive(connection)
            connection.add_termination_listener(self._lost)
            for channel, (_, on_gap) in self._channels.items():
                await connection.add_listener(channel, self._received)
                on_gap()
            while True:
                sent = time.monotonic()
                await connection.execute("select 1", timeout=MAX_SILENCE)
                self.fresh_until = sent + MAX_SILENCE
                await asyncio.sleep(HEARTBEAT)
        finally:
            connection.terminate()

    def _received(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        """Anybody who may connect may notify: after a payload that means nothing, nothing cached is trusted."""
        del connection, pid
        on_payload, on_gap = self._channels[channel]
        try:
            on_payload(str(payload))
        except ValueError:  # not of this application: any role of the database may notify on any channel
            logger.warning("notification_unreadable", channel=channel, characters=len(str(payload)))
            on_gap()

    def _lost(self, connection: Any) -> None:
        del connection
        self.fresh_until = NEVER
