"""What a unit of work is handed: changes of aggregates, and rows that participants add to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa

from api_base.core.base import DomainEvent
from api_base.core.types import RequestContext
from api_base.infrastructure.db.pool import Connection


class Kind(Enum):
    """What happens to the row; the value is the audit's word for it."""

    INSERT = "created"
    UPDATE = "updated"
    DELETE = "deleted"


@dataclass(slots=True, kw_only=True)
class Change:
    """One aggregate's row, whole, as the database types it.

    `expected` is the version that the row must have (0 for an insert). `before` is the row as it was read, where it was; `events` are what the aggregate recorded.
    `constraint_errors` tells what the violation of a named constraint means in the business's language.
    """

    kind: Kind
    entity: str
    table: sa.Table
    row: tuple[Any, ...]
    id: UUID
    owner: UUID | None
    expected: int
    before: Mapping[str, Any] | None = None
    events: Sequence[DomainEvent] = ()
    constraint_errors: Mapping[str, Callable[[], Exception]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExtraRow:
    """A row that a participant writes with the change at `position`, and only if that change is made."""

    table: sa.Table
    row: tuple[Any, ...]
    position: int


class PendingWrite(Protocol):
    """What a unit of work sends last, right before its commit.

    `rows` are its, of `tenant`; a savepoint that is undone takes those back that came in it. `alone`: where nothing else is sent,
    its one statement sets the owner itself and commits by itself.
    """

    rows: list[Any]
    tenant: UUID
    alone: bool

    async def send(self, connection: Connection) -> None:
        """A raise rolls everything back, and is raised by the commit."""
        ...

    def committed(self) -> None:
        """Told once it is certain."""
        ...


class Participant(Protocol):
    """Writes with the state, in its transaction: audit, outbox, inbox."""

    tables: Sequence[sa.Table]

    def rows(self, changes: Sequence[Change], context: RequestContext | None) -> Sequence[ExtraRow]:
        """What to write with `changes`, of the request `context` (None outside any). Called once for each send, before the commit."""
        ...


class AuditWriter(Protocol):
    """Keeps what a statement has changed that belongs to no aggregate."""

    async def note(
        self, connection: Connection, owner: UUID, entity: str, what: str, id: UUID, changed: tuple[str | None, str | None]
    ) -> None:
        """In the transaction in hand, whose owner is set. `what` is a participle such as "cancelled", `changed` JSON of the fields before
        and after.
        """
        ...
