"""Deletes rows whose retention has ended, batch by batch, as the role `worker`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from api_base.core.protocols import PeriodicTask
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.session import Database

logger = get_logger(__name__)

BATCH: Final = 1000
"""Maximum number of rows that one statement deletes, so that none holds many locks for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Rows of `table` are deleted once `keep` has passed since `ended`, an SQL expression over its columns.

    Rows whose `ended` is null stay. The worker runs it every `interval` seconds. Its role needs `delete` on the table, and `select` on the
    primary key and on the columns of `ended`, which an index on `ended` keeps cheap.
    """

    table: sa.Table
    ended: str = "expires_at"
    keep: timedelta = timedelta(0)
    interval: float = 600.0


class Pruner:
    """Runs one `Prune`. Several workers may run it simultaneously."""

    def __init__(self, database: Database, prune: Prune) -> None:
        key = ", ".join(column.name for column in prune.table.primary_key)
        self._database, self._prune = database, prune
        self._delete = f"""
            delete from {prune.table.name} where ({key}) in (
                select {key} from {prune.table.name} where {prune.ended} <= now() - $1::interval order by {prune.ended} limit {BATCH})
        """

    @property
    def task(self) -> PeriodicTask:
        """Return the periodic task of the worker."""
        return PeriodicTask(name=f"prune {self._prune.table.name}", interval=self._prune.interval, run=self.run)

    async def run(self) -> bool:
        """Delete a batch. Returns whether more rows may be due."""
        status = await self._database.run(lambda connection: connection.execute(self._delete, self._prune.keep))
        count = int(status.split()[1])
        if count:
            logger.info("rows_pruned", table=self._prune.table.name, count=count)
        return count == BATCH
