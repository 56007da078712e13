"""Sends changes: as one guarded statement if that is enough, otherwise in a transaction."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from api_base.core.errors import ProgrammingError, StaleVersion, Transient
from api_base.core.types import Visit
from api_base.infrastructure.db import write_statements as sql
from api_base.infrastructure.db.changes import Change, ExtraRow, Kind, PendingWrite
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.errors import CONNECTION_ERRORS, GUARD_FAILED, translate, usable_after
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.schema import Ownership, sql_type, written
from api_base.infrastructure.db.statement import visitor_of

type _Source = Change | ExtraRow


class Writer:
    """The statements of one transaction, on a connection of `pool`. It begins by locking the rows of `locks`.

    In a `visit` to public pages the policies let it change rows of the visitor only, whatever the changes say.
    """

    def __init__(self, pool: ConnectionPool, *, serializable: bool, locks: Sequence[Change] = (), visit: Visit | None = None) -> None:
        self._pool, self._serializable, self._locks, self._visit = pool, serializable, locks, visit
        self._connection: Connection | None = None
        self._owner: tuple[Ownership, UUID | None] | None = None
        self._sent: list[Change] = []
        self._in_savepoint = False
        self._over = False

    @property
    def begun(self) -> bool:
        """Return whether a transaction is open or was rolled back."""
        return self._connection is not None or self._over

    async def begin(self) -> Connection:
        """Return the connection of the transaction. The first call opens it."""
        if self._over:
            raise _aborted()
        if self._connection is None:
            connection = await self._pool.acquire()
            self._connection = connection
            await self._guarded(connection.execute("begin isolation level serializable" if self._serializable else "begin"))
            for change in self._locks:
                await self._allow(connection, change)
                await self._guarded(connection.execute(sql.lock(change.table), *_key(change)))
        return self._connection

    async def run[T](self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Send a statement that sets its owner itself, inside the transaction. Raises `Transient`, `Unavailable`."""
        connection = await self.begin()
        self._owner = None
        return await self._guarded(use(connection))

    async def roll_back(self, error: BaseException) -> None:
        """End an open transaction after `error`. A connection in an unknown state is closed, not reused."""
        connection, self._connection = self._connection, None
        self._over = True  # a handler that catches the error and continues would commit half of its work
        if connection is None:
            return
        sound = False
        try:
            sound = await _rolled_back(connection, error)
        finally:
            if sound:
                self._pool.release(connection)
            else:
                self._pool.retire(connection)

    async def write(
        self, changes: Sequence[Change], added: Sequence[ExtraRow], senders: Sequence[PendingWrite] = (), notification: str | None = None
    ) -> None:
        """Send everything and commit, with `notification` on the channel `CHANGES`.

        Raises `StaleVersion`, the error of a constraint, `Transient`, `Unavailable`, or the error of a pending write.
        """
        if self.begun or self._visit is not None:
            await self._write_in_transaction(changes, added, senders, notification)
        elif len(changes) == 1 and changes[0].kind is not Kind.DELETE and not senders:
            await self._write_single(changes[0], added, notification)
        elif not changes and len(senders) == 1 and senders[0].alone:
            await self._send_alone(senders[0])
        elif changes or senders:
            await self._write_in_transaction(changes, added, senders, notification)

    async def rehearse(self, changes: Sequence[Change], added: Sequence[ExtraRow], senders: Sequence[PendingWrite]) -> None:
        """Send everything, check the deferred constraints, and roll back. Raises what `write` raises."""
        connection = await self.begin()
        await self.send(changes, added)
        for sender in senders:
            await self._set(connection, Ownership.TENANT, sender.tenant)
            await self._guarded(sender.send(connection))
        await self._guarded(connection.execute("set constraints all immediate"), changes[:1])
        await self._guarded(connection.execute("rollback"))
        self._connection, self._over = None, True
        self._pool.release(connection)

    async def _send_alone(self, sender: PendingWrite) -> None:
        try:
            await self._pool.run(sender.send)
        except BaseException as error:
            raise _meaning(error, (), committing=True) from error

    async def _write_single(self, change: Change, added: Sequence[ExtraRow], notification: str | None) -> None:
        statement = sql.single(change.kind, change.table, tuple(row.table for row in added), notification is not None)
        arguments: list[Any] = [] if change.ownership is Ownership.SYSTEM else [str(change.owner)]
        arguments += change.row
        if change.kind is Kind.UPDATE:
            arguments.append(change.expected)
        for row in added:
            arguments += row.row
        if notification is not None:
            arguments.append(notification)
        try:
            await self._pool.run(lambda connection: connection.fetchval(statement, *arguments))
        except BaseException as error:
            raise _meaning(error, (change, *added), committing=True) from error

    async def _write_in_transaction(
        self, changes: Sequence[Change], added: Sequence[ExtraRow], senders: Sequence[PendingWrite], notification: str | None
    ) -> None:
        connection = await self.begin()
        await self.send(changes, added)
        for sender in senders:
            await self._set(connection, Ownership.TENANT, sender.tenant)
            await self._guarded(sender.send(connection))
        if notification is not None:
            await self._guarded(connection.execute(sql.NOTIFY, notification))
        ended = await self._guarded(connection.execute("commit"), changes[:1], committing=True)
        self._connection = None
        self._pool.release(connection)
        if ended != "COMMIT":  # PostgreSQL answers ROLLBACK for a failed transaction, without an error
            raise _aborted()

    async def send(self, changes: Sequence[Change], added: Sequence[ExtraRow]) -> None:
        """Send changes and rows inside the transaction, without committing."""
        connection = await self.begin()
        for group in _groups(changes):
            await self._allow(connection, group[0])
            await self._guarded(self._send_group(connection, group), group)
            self._sent += group
        await self._add(connection, added)

    async def savepoint(self) -> None:
        """Begin a savepoint: from here on a failed statement undoes only the statements after it."""
        connection = await self.begin()
        await self._guarded(connection.execute("savepoint element"))
        self._in_savepoint = True

    async def end_savepoint(self, *, keep: bool) -> None:
        """Keep or undo the statements since `savepoint`."""
        self._in_savepoint = False
        if self._connection is None:
            return
        if not keep:
            self._owner = None
        await self._guarded(self._connection.execute("release savepoint element" if keep else "rollback to savepoint element"))

    async def _send_group(self, connection: Connection, group: Sequence[Change]) -> None:
        first = group[0]
        if first.kind is Kind.INSERT:
            await _insert_rows(connection, first.table, [change.row for change in group])
            return
        ordered = sorted(group, key=lambda change: change.id)  # two transactions that lock rows in the same order meet no deadlock
        if first.kind is Kind.UPDATE:
            await connection.executemany(sql.guarded_update(first.table), [(*change.row, change.expected) for change in ordered])
        else:
            await connection.executemany(sql.guarded_delete(first.table), [(*_key(change), change.expected) for change in ordered])

    async def _add(self, connection: Connection, added: Sequence[ExtraRow]) -> None:
        """Send the participants' rows, each under the owner of its change."""
        for (owner, table), rows in groupby(added, key=lambda row: (_owner(row.change), row.table)):
            batch = list(rows)
            await self._set(connection, *owner)
            await self._guarded(_insert_rows(connection, table, [row.row for row in batch]), batch[:1])

    async def _allow(self, connection: Connection, change: Change) -> None:
        """Set what the policies of the table of `change` compare with. Raises `ProgrammingError` in a visit for rows that no policy protects."""
        if self._visit is None:
            await self._set(connection, *_owner(change))
            return
        if change.ownership is not Ownership.TENANT:
            raise ProgrammingError(
                f"A command with `public_of` changes {change.table.name}, whose rows belong to no tenant. Change them in another message."
            )
        self._owner = None
        await self._guarded(connection.execute(sql.VISIT, str(self._visit.tenant_id), visitor_of(self._visit)))

    async def _set(self, connection: Connection, kind: Ownership, owner: UUID | None) -> None:
        if kind is Ownership.SYSTEM or self._owner == (kind, owner):
            return
        await self._guarded(connection.execute("select set_config($1, $2, true)", kind.value, str(owner)))
        self._owner = (kind, owner)

    async def _guarded[T](self, statement: Awaitable[T], sources: Sequence[_Source] = (), *, committing: bool = False) -> T:
        """Await `statement`, which sends `sources`. On an error, raise its translation, and roll back unless there is a savepoint."""
        try:
            return await statement
        except BaseException as error:
            self._pool.note(error)
            if not (self._in_savepoint and usable_after(error)):
                await self.roll_back(error)
            meaning = _meaning(error, sources, committing=committing)
            if isinstance(meaning, Transient):
                meaning.rows = _changed((*self._sent, *sources))
            raise meaning from error


async def _rolled_back(connection: Connection, error: BaseException) -> bool:
    """Return whether the server confirmed a ROLLBACK. After a cancellation or on a lost connection it is not sent."""
    if not isinstance(error, Exception) or isinstance(error, CONNECTION_ERRORS):
        return False
    try:
        await connection.execute("rollback", timeout=1)
    except (asyncpg.PostgresError, *CONNECTION_ERRORS, OSError):
        return False
    return True


async def _insert_rows(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    if len(rows) == 1:
        await connection.execute(sql.insert(table), *rows[0])
        return
    columns = [list(values) for values in zip(*rows, strict=True)]
    for position, column in enumerate(written(table)):
        if sql_type(column).endswith("[]"):
            columns[position] = [None if value is None else _array_literal(value) for value in columns[position]]
    await connection.execute(sql.bulk_insert(table), *columns)


def _array_literal(values: Sequence[object]) -> str:
    """Return an array in PostgreSQL's notation [manual, 8.15.6]."""
    return "{" + ",".join('"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values) + "}"


def _aborted() -> ProgrammingError:
    return ProgrammingError(
        "A statement of this transaction failed and the handler continued, so nothing was committed. Let the error end the handler."
    )


def _owner(change: Change | None) -> tuple[Ownership, UUID | None]:
    return (Ownership.SYSTEM, None) if change is None else (change.ownership, change.owner)


def _key(change: Change) -> list[Any]:
    return [value for column, value in zip(change.table.columns, change.row, strict=True) if column.primary_key]


def _groups(changes: Sequence[Change]) -> list[list[Change]]:
    """Group consecutive changes that one statement can send: same kind, table and owner, and no row twice."""
    groups: list[list[Change]] = []
    seen: set[UUID] = set()
    for change in changes:
        last = groups[-1][0] if groups else None
        if last and last.kind is change.kind and last.table is change.table and last.owner == change.owner and change.id not in seen:
            groups[-1].append(change)
            seen.add(change.id)
        else:
            groups.append([change])
            seen = {change.id}
    return groups


def _changed(sources: Sequence[_Source]) -> list[Change]:
    """Return the changes of rows that exist."""
    return [one for one in sources if isinstance(one, Change) and one.kind is not Kind.INSERT]


def _meaning(error: BaseException, sources: Sequence[_Source], *, committing: bool) -> BaseException:
    """Translate the error of a failed statement to a domain error if one applies.

    `committing`: if the answer was lost, the statement may have committed.
    """
    if isinstance(error, asyncpg.PostgresError):
        constraint: str = getattr(error, "constraint_name", None) or ""
        for source in sources:
            if error.sqlstate == GUARD_FAILED and isinstance(source, Change):
                return StaleVersion(source.entity, source.expected, _changed(sources))
            if constraint in source.constraint_errors:
                return source.constraint_errors[constraint]()
    return translate(error, harmless=not committing)
