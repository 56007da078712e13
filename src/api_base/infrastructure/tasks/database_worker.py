"""`JOBS__URL=database://`: workers claim ready jobs from the table."""

from collections.abc import Iterator
from typing import Final

from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.store import SqlJobStore

POLL: Final = 1.0
"""Seconds between two looks at the table without a notification."""


class DatabaseJobBackend:
    """Implements `JobBackend`."""

    def tasks(self, store: SqlJobStore, executor: JobExecutor) -> Iterator[PeriodicTask]:
        """One task, which a notification wakes."""
        worker = DatabaseJobWorker(store, executor)
        yield PeriodicTask(name="run jobs", group="jobs", interval=POLL, run=worker.run, channel=CHANNEL, end=executor.end)


class DatabaseJobWorker:
    """Submits ready jobs of `store` to `executor`."""

    def __init__(self, store: SqlJobStore, executor: JobExecutor) -> None:
        self._store, self._executor = store, executor

    async def run(self) -> bool:
        """Begin as many jobs as there is room for; whether there may be more."""
        room = await self._executor.room()
        if not room:
            return True
        claimed = await self._store.claim(room)
        for job in claimed:
            self._executor.take(job)
        return bool(claimed)
