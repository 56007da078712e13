"""Lets one process migrate at a time, by an advisory lock of the session [PostgreSQL manual, 13.3.5].

The lock is polled. A statement that waits for it would hold a snapshot, and CREATE INDEX CONCURRENTLY in the process that has the lock
would wait for that snapshot: a deadlock.
"""

import asyncio
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from api_base.core.errors import ConfigurationError, Unavailable

KEY: Final = 4_177_218_340_263_971
"""The key of the lock, a random number."""

_TAKE = sa.text(f"select pg_try_advisory_lock({KEY})")
_HELD_BY_SESSION = sa.text(
    "select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() "
    f"and (classid::bigint << 32 | objid::bigint) = {KEY})"
)
_RETRY_INTERVAL: Final = 0.05


async def acquire_lock(connection: AsyncConnection, seconds: float) -> None:
    """Acquire the lock until the session of `connection` ends.

    Raises `Unavailable` when another process holds it for over `seconds` seconds, and `ConfigurationError` behind a transaction pooler,
    which would give the lock to another client.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not await _ask(connection, _TAKE):
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable(
                f"Another process has been migrating this database for over {seconds:g} s. Check what it waits for, then try again."
            )
        await asyncio.sleep(_RETRY_INTERVAL)
    if not await _ask(connection, _HELD_BY_SESSION):
        raise ConfigurationError("DATABASE__OWNER_URL goes through a transaction pooler. Set it to the address of the server itself.")


async def _ask(connection: AsyncConnection, question: sa.TextClause) -> bool:
    async with connection.begin():
        return bool((await connection.execute(question)).scalar_one())
