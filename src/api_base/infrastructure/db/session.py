"""Execute reads for an owner: on a pool connection or, inside a transactional unit of work, on its connection."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID
from weakref import WeakSet

import asyncpg

from api_base.core.errors import ConfigurationError, ProgrammingError, Unavailable
from api_base.core.protocols import HealthCheck
from api_base.core.types import NO_REQUEST, current_context
from api_base.infrastructure.db.connecting import Connection, PoolOptions, check_version
from api_base.infrastructure.db.errors import translate
from api_base.infrastructure.db.pool import ConnectionPool, PoolFigures
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.db.unit_of_work import current_unit

type Row = asyncpg.Record
"""A row of a result: `row["id"]`."""

UNSAFE_ATTRIBUTES: Final = {"rolsuper": "is a superuser", "rolbypassrls": "bypasses row-level security"}
"""Attributes of a role, as columns of `pg_roles`, that switch the policies off, and how the error describes each."""


type Cascade = Callable[[UUID, UUID], Awaitable[None]]
"""Removes rows that refer to a deleted aggregate, by tenant and id."""


class Database:
    """Access to PostgreSQL as one role. Built closed; the lifespan opens and closes it."""

    def __init__(self, dsn: str, options: PoolOptions, *, refuse_unsafe_role: bool = True) -> None:
        self.pool = ConnectionPool(dsn, options)
        self.probes = ConnectionPool(dsn, replace(options, size=1))
        """The connection of health checks, opened by the first one: a busy pool is no reason to take a process out of service."""
        self._refuse_unsafe_role = refuse_unsafe_role
        self.repositories: list[object] = []
        """The repositories that use this database, for the check of the wiring at start."""
        self.cascades: dict[str, dict[str, Cascade]] = {}
        """What is removed with the aggregates of a table, by the name of the constraint that refuses their deletion otherwise."""
        self.lists: WeakSet[object] = WeakSet()
        """The lists that read it and are still used, for the indexes that they need."""

    async def open(self) -> None:
        """Connect. Raises `Unavailable` if the server cannot be reached, `ConfigurationError` for an unsuitable role or server."""
        await self.pool.open(check_server if self._refuse_unsafe_role else None)
        self.probes.accept()

    async def close(self) -> None:
        """Close the pool: wait for acquired connections, then terminate them."""
        await self.probes.close()
        await self.pool.close()

    def figures(self) -> PoolFigures:
        """Return the current figures of the pool, for the metrics."""
        return self.pool.figures()

    async def fetch(self, statement: Statement, owner: UUID | None, **values: Any) -> list[Row]:
        """Return all rows of `statement` for `owner`, a tenant or user."""
        sql, arguments = statement.call(owner, values)
        return await self.run(lambda connection: connection.fetch(sql, *arguments))

    async def fetchrow(self, statement: Statement, owner: UUID | None, **values: Any) -> Row | None:
        """Return the first row of `statement` for `owner`, or None."""
        sql, arguments = statement.call(owner, values)
        return await self.run(lambda connection: connection.fetchrow(sql, *arguments))

    async def fetchval(self, statement: Statement, owner: UUID | None, **values: Any) -> Any:
        """Return the first column of the first row of `statement` for `owner`, or None."""
        row = await self.fetchrow(statement, owner, **values)
        return None if row is None else row[0]

    async def run[T](self, read: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `read` on a connection. Raises `Transient` if a retry may succeed, `Unavailable` for other connection errors.

        Raises `ProgrammingError` for a visit to public pages inside the unit of work of another message: its transaction has other settings.
        """
        unit = current_unit.get()
        if unit is not None and current_context.get(NO_REQUEST).visit != unit.visit:
            raise ProgrammingError("A message with `public_of` is executed inside a unit of work. Execute it outside of the command.")
        try:
            if unit is not None and unit.transactional:
                return await read(await unit.connection())
            return await self.pool.run(read)
        except BaseException as error:
            translated = translate(error, harmless=True)
            if translated is error:
                raise
            raise translated from error


async def check_server(connection: Connection) -> None:
    """Raise `ConfigurationError` for a server older than 16, and for a role that bypasses policies."""
    check_version(connection)
    row = await connection.fetchrow(f"select rolname, {', '.join(UNSAFE_ATTRIBUTES)} from pg_roles where rolname = current_user")
    assert row is not None  # current_user is always in pg_roles
    for attribute, why in UNSAFE_ATTRIBUTES.items():
        if row[attribute]:
            raise ConfigurationError(
                f"The role {row['rolname']!r} {why}: tenants would not be isolated. Use a role without that attribute."
            )


STORAGE_RECOVERY: Final = 15.0


class DatabaseHealthCheck(HealthCheck):
    """Implements `HealthCheck` by one round trip as the serving role, on a connection of its own: `Database.probes`.

    For `STORAGE_RECOVERY` seconds after a statement met a full or failing disk the database counts as failing. Then requests come again, and
    the next write shows whether the disk has space: only a write can tell, and nothing else that the serving role may do needs any.
    """

    name = "database"
    required = True

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> None:
        """Query the server. Raises `Unavailable` or the driver's error."""
        if asyncio.get_running_loop().time() < self._database.pool.storage_failed_at + STORAGE_RECOVERY:
            raise Unavailable("The database could not store a change: its disk is full or failing.")
        await self._database.probes.run(lambda connection: connection.fetchval("select 1"))
