"""Runs the periodic tasks of a background worker, each in a loop of its own, until the worker stops.

A task runs again immediately while it reports more work, otherwise after its interval or at a notification of its channel.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from api_base.bootstrap import migrations
from api_base.bootstrap.services import opened
from api_base.bootstrap.worker import Worker
from api_base.core.errors import Transient, Unavailable
from api_base.core.protocols import PeriodicTask
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.errors import translate
from api_base.infrastructure.db.notifications import NotificationListener

logger = get_logger(__name__)

LOG_INTERVAL: Final = 60.0
"""Seconds between two log lines about the same outage of one task."""
MIGRATION_POLL: Final = 0.5
"""Seconds between two checks of the schema while it is behind."""


async def run_worker(worker: Worker, urls: Urls, stop: asyncio.Event) -> None:
    """Run the tasks of `worker` on the database at `urls` until `stop` is set; each task then finishes its current run.

    Raises `Unavailable` when the database cannot be reached at the start.
    """
    services = worker.services
    database, recorder = services.container.worker_database, services.container.worker_recorder
    await _wait_for_migrations(worker, urls, stop)
    wakes = [(task, asyncio.Event()) for task in worker.tasks]
    async with AsyncExitStack() as stack:
        await database.open()
        stack.push_async_callback(database.close)
        await stack.enter_async_context(opened(services))
        if (telemetry := services.container.telemetry) is not None:
            stack.push_async_callback(asyncio.to_thread, telemetry.close)
        recorder.open()
        stack.callback(recorder.close)
        for channel in {task.channel for task in worker.tasks if task.channel is not None}:
            listener = _listener(urls.direct, channel, [wake for task, wake in wakes if task.channel == channel])
            await listener.open()
            stack.push_async_callback(listener.close)
        logger.info("worker_started", work=[task.name for task in worker.tasks])
        async with asyncio.TaskGroup() as group:
            for task, wake in wakes:
                group.create_task(_repeat(task, wake, stop), name=task.name)
            group.create_task(_wake_all_at_stop([wake for _, wake in wakes], stop))


async def _wait_for_migrations(worker: Worker, urls: Urls, stop: asyncio.Event) -> None:
    """Wait for the schema: on a first run the server process migrates while the worker starts."""
    while not stop.is_set() and not await asyncio.to_thread(migrations.at_head, urls, worker.services.contexts):
        logger.info("worker_waits_for_migrations")
        await asyncio.sleep(MIGRATION_POLL)


async def _repeat(task: PeriodicTask, wake: asyncio.Event, stop: asyncio.Event) -> None:
    runs = LoggedRuns(task)
    try:
        while not stop.is_set():
            wake.clear()
            if not await runs.run_once():
                await _wait(wake, task.interval)
    finally:
        await task.end()


class LoggedRuns:
    """Runs one task and logs its failures. An outage is logged when it begins, once per `LOG_INTERVAL`, and when it ends."""

    def __init__(self, task: PeriodicTask) -> None:
        self._task = task
        self._outage_since: float | None = None
        self._logged_at = 0.0

    async def run_once(self) -> bool:
        """Run the task. Returns whether it reports more work. Never raises."""
        limit = asyncio.timeout(self._task.timeout)
        try:
            async with limit:
                more = await self._task.run()
        except Exception as error:
            if limit.expired():
                logger.error("periodic_work_restarted", work=self._task.name, reason=f"it did not end within {self._task.timeout:g} s")
                return True
            reason = translate(error, harmless=False)  # a lost connection to the database can raise anything
            if isinstance(reason, Unavailable | Transient):
                self._log_outage(reason)
            else:
                logger.exception("periodic_work_failed", work=self._task.name)
            return False
        self._log_recovery()
        return more

    def _log_outage(self, reason: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if self._outage_since is None:
            self._outage_since, self._logged_at = now, now - LOG_INTERVAL
        if now >= self._logged_at + LOG_INTERVAL:
            logger.warning("periodic_work_waits", work=self._task.name, reason=str(reason))
            self._logged_at = now

    def _log_recovery(self) -> None:
        if self._outage_since is not None:
            waited = asyncio.get_running_loop().time() - self._outage_since
            logger.info("periodic_work_resumed", work=self._task.name, waited=round(waited, 1))
            self._outage_since = None


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), seconds)
    except TimeoutError:
        return


async def _wake_all_at_stop(wakes: Iterable[asyncio.Event], stop: asyncio.Event) -> None:
    await stop.wait()
    _set(wakes)


def _set(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()


def _listener(dsn: str, channel: str, wakes: Sequence[asyncio.Event]) -> NotificationListener:
    """Wakes the tasks of `channel` at a notification, and after a gap, in which notifications may have been lost."""
    return NotificationListener(dsn, channel, lambda payload: _set(wakes), lambda: _set(wakes))
