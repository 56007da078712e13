"""Clearing away what has been kept long enough, batch by batch, as the role `worker`."""

from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.session import Database

logger = get_logger(__name__)

BATCH: Final = 1000
"""Rows that one statement takes at most, so that none holds many locks for long."""


class Pruner:
    """`delete` removes at most `BATCH` rows; `told` is what the log calls it. Several workers may run it at once."""

    def __init__(self, database: Database, delete: str, told: str) -> None:
        self._database, self._delete, self._told = database, delete, told

    async def run(self) -> bool:
        """Clear a batch away; whether there may be more."""
        status = await self._database.run(lambda connection: connection.execute(self._delete))
        cleared = int(status.split()[1])
        if cleared:
            logger.info(self._told, count=cleared)
        return cleared == BATCH
