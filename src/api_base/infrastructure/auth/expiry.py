"""Clears away sessions that ended a day ago or longer; until then a late token is still told apart from rubbish. Runs as `worker`."""

from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.session import Database

logger = get_logger(__name__)

BATCH: Final = 1000
_ENDED: Final = "least(expires_at, coalesce(revoked_at, 'infinity')) < now() - interval '1 day'"
_DELETE: Final = f"""
    delete from sessions where (user_id, id) in (select user_id, id from sessions where {_ENDED} limit {BATCH})
"""


class SessionExpiry:
    """`database` is of the role `worker`. Several workers may run it at once: each takes other rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> bool:
        """Clear a batch away; whether there may be more."""
        status = await self._database.run(lambda connection: connection.execute(_DELETE))
        cleared = int(status.split()[1])
        if cleared:
            logger.info("sessions_cleared", count=cleared)
        return cleared == BATCH
