"""Clears away answers that have been kept long enough. Runs as `worker`."""

from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.session import Database

logger = get_logger(__name__)

BATCH: Final = 1000
_DELETE: Final = f"""
    delete from idempotency_keys where (tenant_id, user_id, route, key) in
        (select tenant_id, user_id, route, key from idempotency_keys where expires_at <= now() limit {BATCH})
"""


class IdempotencyExpiry:
    """`database` is of the role `worker`. Several workers may run it at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> bool:
        """Clear a batch away; whether there may be more."""
        status = await self._database.run(lambda connection: connection.execute(_DELETE))
        cleared = int(status.split()[1])
        if cleared:
            logger.info("idempotency_keys_cleared", count=cleared)
        return cleared == BATCH
