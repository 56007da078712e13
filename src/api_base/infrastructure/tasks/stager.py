"""Jobs whose time has come, and those whose worker is gone, are made ready, and workers told."""

from collections.abc import Callable

from api_base.infrastructure.tasks.store import MAX_BATCH_ROWS, SqlJobStore


class JobStager:
    """`signal` tells workers."""

    def __init__(self, store: SqlJobStore, signal: Callable[[], None]) -> None:
        self._store, self._signal = store, signal

    async def run(self) -> bool:
        """Whether there may be more."""
        promoted = await self._store.promote()
        if promoted:
            self._signal()
        return promoted >= MAX_BATCH_ROWS
