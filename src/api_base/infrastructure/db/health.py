"""Whether PostgreSQL answers, by a connection of the pool."""

from api_base.core.protocols import HealthCheck
from api_base.infrastructure.db.pool import ConnectionPool


class DatabaseHealthCheck(HealthCheck):
    """One round trip as the role that serves."""

    name = "database"
    required = True

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def check(self) -> None:
        """Raises `Unavailable` or the driver's error."""
        await self._pool.run(lambda connection: connection.fetchval("select 1"))
