"""The health check of PostgreSQL, on a connection of the pool."""

from api_base.core.protocols import HealthCheck
from api_base.infrastructure.db.pool import ConnectionPool


class DatabaseHealthCheck(HealthCheck):
    """Implements `HealthCheck` by one round trip as the serving role."""

    name = "database"
    required = True

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def check(self) -> None:
        """Query the server. Raises `Unavailable` or the driver's error."""
        await self._pool.run(lambda connection: connection.fetchval("select 1"))
