"""Reads the revisions of a database: one query on a plain connection, cheap enough for every start."""

import asyncpg

from api_base.infrastructure.db.errors import unreachable
from api_base.infrastructure.db.migrations.revisions import refuse_prerelease
from api_base.infrastructure.db.pool import Connection

_TIMEOUT = 10.0


async def stored_heads(dsn: str) -> set[str]:
    """Return the heads in `alembic_version`; empty for a database that was never migrated.

    Raises `Unavailable`, and `ConfigurationError` for a database from before 0.1.0.
    """
    try:
        connection: Connection = await asyncpg.connect(dsn, timeout=_TIMEOUT, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(error) from error
    try:
        heads = {row["version_num"] for row in await connection.fetch("select version_num from public.alembic_version", timeout=_TIMEOUT)}
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        return set()
    finally:
        connection.terminate()
    refuse_prerelease(heads)
    return heads
