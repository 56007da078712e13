"""The port of leadership, and its adapter on PostgreSQL."""

from typing import Protocol

from api_base.infrastructure.db.connecting import Connection


class Leadership(Protocol):
    """Decides which process does a piece of work that one process at a time may do."""

    async def leads(self, connection: Connection, name: str) -> bool:
        """Whether this process may do the work `name` in the transaction that `connection` has begun.

        If so, no other process may before the transaction has ended. The caller ends a transaction that got False without an effect.
        """
        ...

    async def close(self) -> None:
        """Let another process lead without waiting."""
        ...


class DatabaseLeadership(Leadership):
    """A lock of the transaction [PostgreSQL manual, 13.3.5]: the process that asks first leads until its transaction ends."""

    async def leads(self, connection: Connection, name: str) -> bool:
        return bool(await connection.fetchval("select pg_try_advisory_xact_lock(hashtext($1))", name))

    async def close(self) -> None:
        """Do nothing: the locks end with their transactions."""
