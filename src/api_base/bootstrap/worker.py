"""The background: every context's periodic work, as the role `worker`."""

import asyncio
from collections.abc import Sequence

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import Services, build
from api_base.core.config import Settings
from api_base.core.protocols import Periodic
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.embedded.urls import Urls

logger = get_logger(__name__)


class Worker:
    """Runs until it is told to stop; what is running then is finished."""

    def __init__(self, services: Services, urls: Urls) -> None:
        self._urls, self._contexts = urls, services.contexts
        self._database, self._recorder = services.container.worker_database(), services.container.worker_recorder()
        self._periodic = [work for context in services.contexts for work in context.background(services.worker_ports)]

    async def run(self, stop: asyncio.Event) -> None:
        """Raises `Unavailable` when the database cannot be reached at start."""
        await self._migrated(stop)
        await self._database.open()
        self._recorder.open()
        try:
            async with asyncio.TaskGroup() as group:
                for work in self._periodic:
                    group.create_task(_repeat(work, stop), name=work.name)
                logger.info("worker_started", periodic=[work.name for work in self._periodic])
        finally:
            self._recorder.close()
            await self._database.close()

    async def _migrated(self, stop: asyncio.Event) -> None:
        """Wait for the schema: server and worker of a first run start together."""
        while not stop.is_set() and not await asyncio.to_thread(migrations.at_head, self._urls, self._contexts):
            logger.info("worker_waits_for_migrations")
            await asyncio.sleep(0.5)


async def _repeat(work: Periodic, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await work.run()
        except Exception:
            logger.exception("periodic_work_failed", work=work.name)
        try:
            await asyncio.wait_for(stop.wait(), work.interval)
        except TimeoutError:
            continue


def create_worker(settings: Settings, urls: Urls, contexts: Sequence[Context]) -> Worker:
    return Worker(build(settings, contexts), urls)
