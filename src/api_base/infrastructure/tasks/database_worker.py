"""`JOBS__URL=database://`: workers take ready jobs from the table themselves."""

from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.store import SqlJobStore


class DatabaseJobWorker:
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
