"""`JOBS__URL=database://`: workers claim ready jobs from the table."""

from collections.abc import Iterator

from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.store import SqlJobStore


class DatabaseJobBackend:
    """Implements `JobBackend`."""

    def tasks(self, store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterator[PeriodicTask]:
        """Return one task, which a notification wakes."""
        worker = DatabaseJobWorker(store, executor)
        yield PeriodicTask(name="run jobs", group="jobs", interval=poll, run=worker.run, channel=CHANNEL, end=executor.end)


class DatabaseJobWorker:
    """Submits ready jobs of `store` to `executor`."""

    def __init__(self, store: SqlJobStore, executor: JobExecutor) -> None:
        self._store, self._executor = store, executor

    async def run(self) -> bool:
        """Claim and begin as many jobs as the executor has capacity for. Returns whether more may be ready."""
        capacity = await self._executor.capacity()
        if not capacity:
            return True
        claimed = await self._store.claim(capacity)
        for job in claimed:
            self._executor.submit(job)
        return bool(claimed)
