"""The background: relay, subscribers, jobs, sealer of the audit trail, messages of other services, and every context's periodic work, as
the role `worker`.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from api_base.bootstrap import migrations
from api_base.bootstrap.audit import audit_work
from api_base.bootstrap.context import Context
from api_base.bootstrap.events import event_work
from api_base.bootstrap.jobs import job_work
from api_base.bootstrap.remote import remote_work
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, Transient, Unavailable
from api_base.core.protocols import PeriodicTask
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.errors import translate
from api_base.infrastructure.db.listener import NotificationListener
from api_base.infrastructure.idempotency.expiry import key_expiry

logger = get_logger(__name__)

LOG_INTERVAL: Final = 60.0
"""Seconds between two lines of the log about one work that waits."""


class Worker:
    """Runs until it is told to stop; what is running then is finished. `only` names the kinds of work to do; empty: all."""

    def __init__(self, services: Services, urls: Urls, only: Collection[str]) -> None:
        self._urls, self._services = urls, services
        self._database, self._recorder = services.container.worker_database(), services.container.worker_recorder()
        self._work = _selected([*_own_work(services), *_of_contexts(services)], only)

    async def run(self, stop: asyncio.Event) -> None:
        """Raises `Unavailable` when the database cannot be reached at start."""
        await self._migrated(stop)
        wakes = [(work, asyncio.Event()) for work in self._work]
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(opened(self._services))
            await self._database.open()
            stack.push_async_callback(self._database.close)
            self._recorder.open()
            stack.callback(self._recorder.close)
            for channel in {work.channel for work in self._work if work.channel is not None}:
                listener = _listening(self._urls.direct, channel, [wake for work, wake in wakes if work.channel == channel])
                await listener.open()
                stack.push_async_callback(listener.close)
            logger.info("worker_started", work=[work.name for work in self._work])
            async with asyncio.TaskGroup() as group:
                for work, wake in wakes:
                    group.create_task(_repeat(work, wake, stop), name=work.name)
                group.create_task(_end_all([wake for _, wake in wakes], stop))

    async def _migrated(self, stop: asyncio.Event) -> None:
        """Wait for the schema: server and worker of a first run start together."""
        while not stop.is_set() and not await asyncio.to_thread(migrations.at_head, self._urls, self._services.contexts):
            logger.info("worker_waits_for_migrations")
            await asyncio.sleep(0.5)


def _own_work(services: Services) -> Iterable[PeriodicTask]:
    yield from event_work(services)
    yield from job_work(services)
    yield from audit_work(services)
    yield from remote_work(services)
    yield _key_expiry(services)


def _key_expiry(services: Services) -> PeriodicTask:
    expiry = key_expiry(services.container.worker_database())
    return PeriodicTask(name="clear idempotency keys", interval=600.0, run=expiry.run)


def _of_contexts(services: Services) -> list[PeriodicTask]:
    return [work for context in services.contexts for work in context.background(services.worker_ports)]


def _selected(work: Sequence[PeriodicTask], only: Collection[str]) -> list[PeriodicTask]:
    known = {one.group for one in work}
    if unknown := sorted(set(only) - known):
        raise ConfigurationError(f"--only: there is no work of the kind {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    return [one for one in work if not only or one.group in only]


async def _repeat(work: PeriodicTask, wake: asyncio.Event, stop: asyncio.Event) -> None:
    turns = _Turns(work)
    try:
        while not stop.is_set():
            wake.clear()
            if not await turns.take():
                await _until(wake, work.interval)
    finally:
        await work.end()


class _Turns:
    """Of one work. That it waits for what is down is said at first, once a minute then, and when it is over."""

    def __init__(self, work: PeriodicTask) -> None:
        self._work = work
        self._since: float | None = None
        self._told = 0.0

    async def take(self) -> bool:
        """Whether there is more to do at once."""
        try:
            more = await self._work.run()
        except Exception as error:
            told = translate(error, harmless=False)  # a lost connection to the database may show itself as anything
            if isinstance(told, Unavailable | Transient):
                self._waits(told)
            else:
                logger.exception("periodic_work_failed", work=self._work.name)
            return False
        self._goes_on()
        return more

    def _waits(self, error: Exception) -> None:
        now = time.monotonic()
        if self._since is None or now >= self._told + LOG_INTERVAL:
            logger.warning("periodic_work_waits", work=self._work.name, reason=str(error))
            self._told = now
        self._since = self._since or now

    def _goes_on(self) -> None:
        if self._since is not None:
            logger.info("periodic_work_goes_on", work=self._work.name, waited=round(time.monotonic() - self._since, 1))
            self._since = None


async def _until(wake: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), seconds)
    except TimeoutError:
        return


async def _end_all(wakes: Iterable[asyncio.Event], stop: asyncio.Event) -> None:
    """Nobody sleeps through the end."""
    await stop.wait()
    _set(wakes)


def _set(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()


def _listening(dsn: str, channel: str, events: Sequence[asyncio.Event]) -> NotificationListener:
    """Wakes those who wait for `channel`; after a gap too, since something may have been missed."""
    return NotificationListener(dsn, channel, lambda payload: _set(events), lambda: _set(events))


def create_worker(settings: Settings, urls: Urls, contexts: Sequence[Context], only: Collection[str] = ()) -> Worker:
    """The background of an application with `contexts`, on the database at `urls`; nothing is opened before `Worker.run`.

    Raises `ConfigurationError` for a kind of work in `only` that there is none of, and for keys of the audit trail that cannot be used.
    """
    return Worker(build(settings, contexts), urls, only)
