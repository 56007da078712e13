"""One migrating process at a time: a session's advisory lock [PostgreSQL manual, 13.3.5].

It is asked for again and again rather than waited for: a waiting statement holds a snapshot, for which
CREATE INDEX CONCURRENTLY of the process that has the lock would wait in turn, for ever.
"""

import asyncio
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from api_base.core.errors import ConfigurationError, Unavailable

KEY: Final = 4_177_218_340_263_971
"""Advisory locks are numbers; this one was drawn once."""

_TAKE = sa.text(f"select pg_try_advisory_lock({KEY})")
_MINE = sa.text(
    "select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() "
    f"and (classid::bigint << 32 | objid::bigint) = {KEY})"
)
_RETRY_INTERVAL: Final = 0.05


async def acquire_lock(connection: AsyncConnection, patience: float) -> None:
    """Take the lock for as long as the session of `connection` lasts.

    Raises `Unavailable` when another process keeps it for over `patience` seconds, `ConfigurationError` behind a transaction pooler,
    where the lock would belong to nobody.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while not await _ask(connection, _TAKE):
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable(f"Another process has been migrating this database for over {patience:g} s. See what it waits for.")
        await asyncio.sleep(_RETRY_INTERVAL)
    if not await _ask(connection, _MINE):
        raise ConfigurationError("DATABASE__OWNER_URL goes through a transaction pooler. Migrating needs the server itself.")


async def _ask(connection: AsyncConnection, question: sa.TextClause) -> bool:
    async with connection.begin():
        return bool((await connection.execute(question)).scalar_one())
