"""The input of a unit of work: changes of aggregates, and the rows that participants add to them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

import sqlalchemy as sa

from api_base.core.base import DomainEvent
from api_base.core.types import RequestContext
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.schema import Ownership

type ConstraintErrors = Mapping[str, Callable[[], Exception]]
"""The domain error for the violation of a constraint, by the name of the constraint."""

CHANGES: Final = "changes"
"""NOTIFY channel of commits that a `ChangeObserver` asks for."""

NO_ERRORS: Final[ConstraintErrors] = MappingProxyType({})


class Kind(Enum):
    """The operation on the row. The value is the verb of the audit record."""

    INSERT = "created"
    UPDATE = "updated"
    DELETE = "deleted"


class Change(NamedTuple):
    """The whole row of one aggregate, as the database types it.

    `ownership` is that of the table, `owner` the tenant or user of the row. `expected` is the version that the stored row must have
    (0 for an insert). `before` is the row as this unit of work read it, or None; `events` are the recorded events of the aggregate.

    A NamedTuple, as `ExtraRow`, because each command makes some: a frozen dataclass takes five times as long to make.
    """

    kind: Kind
    entity: str
    table: sa.Table
    ownership: Ownership
    row: tuple[Any, ...]
    id: UUID
    owner: UUID | None
    expected: int
    before: Mapping[str, Any] | None = None
    events: Sequence[DomainEvent] = ()
    constraint_errors: ConstraintErrors = NO_ERRORS


class ExtraRow(NamedTuple):
    """A row that is written with `change`, for its owner, if and only if the change is made. Without a change it is independent."""

    table: sa.Table
    row: tuple[Any, ...]
    change: Change | None
    constraint_errors: ConstraintErrors = NO_ERRORS


class PendingWrite(Protocol):
    """A write that the unit of work sends last, right before its commit.

    `rows` are for `tenant`; undoing a savepoint removes the rows that were added inside. `alone`: if the unit sends nothing else,
    the one statement sets the owner and commits by itself.
    """

    rows: list[Any]
    tenant: UUID
    alone: bool

    async def send(self, connection: Connection) -> None:
        """Send the rows. An error rolls everything back, and the commit raises it."""

    def committed(self) -> None:
        """Called after the commit."""


class Participant(Protocol):
    """Adds rows to the transaction of each change: audit records, events."""

    def rows(self, changes: Sequence[Change], context: RequestContext) -> Sequence[ExtraRow]:
        """Return the rows to write with `changes`, which the request of `context` causes (`NO_REQUEST` outside a request).

        Called once per send, before the commit.
        """


class ChangeObserver(Protocol):
    """Learns which entities changed: `entities` are those that it asks for, by the names of `Change.entity`."""

    entities: Collection[str]

    def notification(self, changes: Collection[tuple[UUID | None, str]]) -> str:
        """Return what the commit itself notifies on the channel `CHANGES`, so that other processes learn it even if this one is killed."""

    async def changed(self, changes: Collection[tuple[UUID | None, str]]) -> None:
        """Called after the commit, and after one whose outcome is not known, with owner and entity of each change. Never raises."""


class AuditWriter(Protocol):
    """Records changes that a statement makes outside any aggregate."""

    async def note(
        self, connection: Connection, owner: UUID, entity: str, what: str, id: UUID, changed: tuple[str | None, str | None]
    ) -> None:
        """Write an audit record in the open transaction, whose owner is set.

        `what` is a participle such as "cancelled"; `changed` is JSON of the fields before and after.
        """


class EventWriter(Protocol):
    """Stores events that no change of an aggregate causes."""

    async def store(self, connection: Connection, events: Sequence[DomainEvent]) -> None:
        """Store the events in one statement, as of version 0 of their aggregates, and let them be published."""
