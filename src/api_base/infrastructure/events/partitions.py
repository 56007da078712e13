"""The daily partitions of the outbox: created some days ahead, dropped when no delivery needs their events."""

from typing import Final

from api_base.infrastructure.db.pool import ConnectionPool

DAYS_AHEAD: Final = 3
RETENTION_DAYS: Final = 7


class EventPartitions:
    """`pool` is the worker's."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def run(self) -> bool:
        """Call a function with the rights of the owner, who alone may create and drop tables. Never reports more work."""
        await self._pool.run(lambda connection: connection.execute("select maintain_event_partitions($1, $2)", DAYS_AHEAD, RETENTION_DAYS))
        return False
