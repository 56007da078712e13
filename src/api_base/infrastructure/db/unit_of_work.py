"""One transaction per command: the changes that repositories registered and the rows that participants add, committed together.

A single guarded insert or update is sent as one statement of CTEs, atomic by itself, in one round trip. Everything else is sent as BEGIN …
COMMIT. Both have the same effect on the database (tests/integration/test_unit_of_work_paths.py). A commit is never cancelled: a task
that is cancelled meanwhile waits for its end.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from api_base.core.base import DomainEvent
from api_base.core.errors import NoTransaction, ProgrammingError
from api_base.core.protocols import Isolation, UnitOfWork, UnitOfWorkFactory
from api_base.core.types import NO_REQUEST, Delivery, DryRun, Origin, current_context, rows_to_lock
from api_base.infrastructure.db.changes import Change, ChangeObserver, ExtraRow, Participant, PendingWrite
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.writer import Writer

type Inbox = Callable[[Delivery], ExtraRow]
"""Returns the row that records a delivery as handled. Its key refuses a second delivery."""


class SqlUnitOfWork(UnitOfWork):
    """Use it through the pipeline; `async with` commits when the block ends and rolls back when it raises.

    `inbox_row` is written once, with the first statement that the unit sends. The rows of `locks` are locked before anything is read.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        isolation: Isolation,
        participants: Sequence[Participant],
        origin: Origin | None = None,
        inbox_row: ExtraRow | None = None,
        locks: Sequence[Change] = (),
        observer: ChangeObserver | None = None,
    ) -> None:
        self.origin = origin
        self._observer = observer
        self._observed: set[tuple[UUID | None, str]] = set()
        self.visit = current_context.get(NO_REQUEST).visit
        """The visit to public pages whose unit this is."""
        self._writer = Writer(pool, serializable=isolation is Isolation.SERIALIZABLE, locks=locks, visit=self.visit)
        self._participants, self._inbox_row = participants, inbox_row
        self._changes: list[Change] = []
        self._events: list[DomainEvent] = []
        self._senders: dict[type[PendingWrite], PendingWrite] = {}
        self._read: dict[tuple[str, UUID], Mapping[str, Any]] = {}
        self.transactional = isolation is Isolation.SERIALIZABLE or bool(locks) or self.visit is not None

    async def __aenter__(self) -> Self:
        if self.visit is not None and not self.visit.writes:
            raise ProgrammingError("A query with `public_of` changes nothing: it must not execute a command.")
        if current_unit.get() is not None:
            raise ProgrammingError("A unit of work is already open: a handler must not execute a command. Subscribe to an event instead.")
        self._task = asyncio.current_task()
        self._token: Token[SqlUnitOfWork | None] = current_unit.set(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        current_unit.reset(self._token)
        if error is not None:
            await self._writer.roll_back(error)
            return
        ending = asyncio.ensure_future(self._commit())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            while not ending.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([ending])
            ending.exception()
            raise
        finally:
            del ending  # its error has this frame in its traceback

    async def connection(self) -> Connection:
        """Return the connection of the transaction, opened at the first statement. Only if the unit is `transactional`."""
        self._own_task()
        return await self._writer.begin()

    async def run[T](self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Send a statement immediately that is neither a read nor a change, and that sets its owner itself.

        From here on reads share the connection: units that hold one and wait for a second could wait for each other.
        """
        self._own_task()
        self.transactional = True
        return await self._writer.run(use)

    async def flush(self) -> None:
        """Send the changes that were registered so far, which later statements may refer to. Without any, nothing is sent."""
        self._own_task()
        if self._changes:
            await self._send()
            self.transactional = True  # from here on reads must see what was sent and is not committed

    def collect_events(self) -> list[DomainEvent]:
        """Return the events of aggregates that were saved since the last call, oldest first."""
        events, self._events = self._events, []
        return events

    def remember(self, table: str, id: UUID, row: Mapping[str, Any]) -> None:
        """Store a row as it was read, for the audit of its change."""
        self._read[table, id] = row

    def remembered(self, table: str, id: UUID) -> Mapping[str, Any] | None:
        """Return the row as this unit read it, or None."""
        return self._read.get((table, id))

    def untouched(self) -> bool:
        """Return whether nothing was sent or registered so far."""
        return not self._changes and not self._senders and not self._writer.begun

    def sender[S: PendingWrite](self, kind: type[S], make: Callable[[], S]) -> S:
        """Return this unit's only pending write of a kind. The first call creates it."""
        self._own_task()
        found = self._senders.get(kind)
        if not isinstance(found, kind):
            found = self._senders[kind] = make()
        return found

    def register(self, change: Change) -> None:
        """Send `change` when the unit ends; before that, its events go to the subscribers."""
        self._own_task()
        self._changes.append(change)
        self._events += change.events
        if self._observer is not None and change.entity in self._observer.entities:
            self._observed.add((change.owner, change.entity))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Send the changes that were registered inside the block when it ends.

        An error undoes only these, and is raised. A cancellation ends the whole unit, because the connection may be unusable.
        """
        self._own_task()
        await self._send()  # the inbox row as well: undoing the savepoint must not undo it
        events, self._events = self._events, []
        sent = {kind: len(sender.rows) for kind, sender in self._senders.items()}
        await self._writer.savepoint()
        self.transactional = True  # from here on reads must see what was sent and is not committed
        try:
            yield
            await self._send()
        except BaseException as error:
            self._changes, self._events = [], events
            self._take_back(sent)
            if isinstance(error, Exception):
                await self._writer.end_savepoint(keep=False)
            else:
                await self._writer.roll_back(error)
            raise
        await self._writer.end_savepoint(keep=True)
        self._events = events + self._events

    def _take_back(self, sent: Mapping[type[PendingWrite], int]) -> None:
        for kind, sender in list(self._senders.items()):
            del sender.rows[sent.get(kind, 0) :]
            if not sender.rows:
                del self._senders[kind]

    async def _send(self) -> None:
        changes, self._changes = self._changes, []
        if changes or self._inbox_row is not None:
            await self._writer.send(changes, self._rows(changes))

    def _rows(self, changes: Sequence[Change]) -> list[ExtraRow]:
        context = current_context.get(NO_REQUEST)
        rows = [row for participant in self._participants for row in participant.rows(changes, context)]
        if self._inbox_row is not None:
            rows.append(self._inbox_row)
            self._inbox_row = None
        return rows

    def _own_task(self) -> None:
        if asyncio.current_task() is not self._task:
            raise ProgrammingError(
                "A unit of work belongs to the task that opened it: run concurrent reads before it, and write sequentially."
            )

    async def _commit(self) -> None:
        senders = list(self._senders.values())
        if isinstance(self.origin, DryRun):
            await self._writer.rehearse(self._changes, self._rows(self._changes) if self._changes else (), senders)
            return
        try:
            rows = self._rows(self._changes) if self._changes else ()
            await self._writer.write(self._changes, rows, senders, self._notification())
        finally:  # after an error, too: the answer to a commit may have been lost
            if self._observer is not None and self._observed:
                await self._observer.changed(self._observed)
        for sender in senders:
            sender.committed()

    def _notification(self) -> str | None:
        return self._observer.notification(self._observed) if self._observer is not None and self._observed else None


class SqlUnitOfWorkFactory(UnitOfWorkFactory):
    """Begins units of work on `pool`, each with the same participants. Without `inbox` a delivery leaves no row."""

    def __init__(
        self,
        pool: ConnectionPool,
        participants: Sequence[Participant],
        inbox: Inbox | None,
        observer: ChangeObserver | None = None,
    ) -> None:
        self._pool, self._participants, self._inbox, self._observer = pool, participants, inbox, observer

    def __call__(self, isolation: Isolation, origin: Origin | None = None) -> SqlUnitOfWork:
        inbox_row = self._inbox(origin) if self._inbox is not None and isinstance(origin, Delivery) else None
        return SqlUnitOfWork(self._pool, isolation, self._participants, origin, inbox_row, _locks(), self._observer)


def _locks() -> Sequence[Change]:
    """Return the rows to lock, always in the same order: two units that lock them never wait for each other."""
    rows = rows_to_lock.get()
    if not rows:
        return ()
    changes = {(row.table.name, row.id): row for row in rows if isinstance(row, Change)}
    return [changes[key] for key in sorted(changes)]


current_unit: ContextVar[SqlUnitOfWork | None] = ContextVar("unit_of_work", default=None)
"""The open unit of work of the current task. Repositories and reads find it here."""


def open_unit() -> SqlUnitOfWork:
    """Return the unit of work of this task. Raises `NoTransaction` outside one."""
    unit = current_unit.get()
    if unit is None:
        raise NoTransaction("Writing needs a unit of work: send a command over the bus.")
    return unit


def savepoint() -> AbstractAsyncContextManager[None]:
    """A savepoint in the unit of work of this task, for one element of a batch."""
    return open_unit().savepoint()
