"""Makes jobs ready: those that are due, and those whose worker has stopped renewing its lease. Then it notifies the workers."""

from collections.abc import Callable

from api_base.infrastructure.tasks.store import MAX_BATCH_ROWS, SqlJobStore


class JobStager:
    """`notify` wakes the workers."""

    def __init__(self, store: SqlJobStore, notify: Callable[[], None]) -> None:
        self._store, self._notify = store, notify

    async def run(self) -> bool:
        """Make one batch ready. Returns whether there may be more."""
        staged = await self._store.stage()
        if staged:
            self._notify()
        return staged >= MAX_BATCH_ROWS
