"""The outbox's daily partitions: made some days ahead, dropped when nobody waits for what they hold."""

from typing import Final

from api_base.infrastructure.db.pool import ConnectionPool

DAYS_AHEAD: Final = 3
DAYS_KEPT: Final = 7


class EventPartitions:
    """`pool` is the worker's."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def run(self) -> bool:
        """By a function with its owner's rights, since only the owner makes and drops tables. Never more to do at once."""
        await self._pool.run(lambda connection: connection.execute("select maintain_event_partitions($1, $2)", DAYS_AHEAD, DAYS_KEPT))
        return False
