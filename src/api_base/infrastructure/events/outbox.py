"""The rows that a unit of work writes beside its changes: the events of each change, and in a subscriber the handled event."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from api_base.core.base import DomainEvent
from api_base.core.errors import AlreadyHandled
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import NO_USER, Delivery, RequestContext
from api_base.infrastructure.db import write_statements as sql
from api_base.infrastructure.db.changes import Change, EventWriter, ExtraRow, Participant
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.events.tables import INBOX, OUTBOX, SHARDS
from api_base.infrastructure.serialization.json_codec import encode

CHANNEL: Final = "events"
"""NOTIFY channel: there are new events in the outbox."""

DAYS_AHEAD: Final = 3
RETENTION_DAYS: Final = 7


def shard_of(aggregate_id: UUID) -> int:
    """The low bits of the id, which are random [RFC 9562, section 5.7]."""
    return aggregate_id.int % SHARDS


class OutboxParticipant(Participant, EventWriter):
    """Writes the events of each change in its transaction."""

    def __init__(self, ids: IdGenerator, clock: Clock) -> None:
        self._ids, self._clock = ids, clock

    async def store(self, connection: Connection, events: Sequence[DomainEvent]) -> None:
        rows = [
            (self._clock.now(), self._ids.new(), None, shard_of(event.aggregate_id), event.name, event.aggregate_id, 0, None, "", "",
             encode(event).decode())
            for event in events
        ]  # fmt: skip
        await connection.executemany(sql.insert(OUTBOX), rows)

    def rows(self, changes: Sequence[Change], context: RequestContext) -> list[ExtraRow]:
        return [ExtraRow(OUTBOX, self._row(event, change, context), change) for change in changes for event in change.events]

    def _row(self, event: DomainEvent, change: Change, context: RequestContext) -> tuple[Any, ...]:
        """Return the values in the order of the table's columns."""
        return (
            self._clock.now(), self._ids.new(), change.owner if change.ownership is Ownership.TENANT else None,
            shard_of(event.aggregate_id), event.name, event.aggregate_id, change.expected + 1,
            None if context.user_id == NO_USER else context.user_id, context.request_id, context.propagated, encode(event).decode(),
        )  # fmt: skip


class Inbox:
    """Records that a subscription has handled an event. The second time, the key of the row raises `AlreadyHandled`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, delivery: Delivery) -> ExtraRow:
        """Return the row of `delivery`. It belongs to the system, not to the owner of a change."""
        row = delivery.subscription, delivery.event_id, self._clock.now()
        errors = {"inbox_pkey": lambda: AlreadyHandled(delivery.subscription, delivery.event_id)}
        return ExtraRow(INBOX, row, None, errors)


class EventPartitions:
    """The daily partitions of the outbox: created some days ahead, dropped when no delivery needs their events.

    `pool` connects as the role `worker`."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def run(self) -> bool:
        """Call a function with the rights of the owner, who alone may create and drop tables. Never reports more work."""
        await self._pool.run(lambda connection: connection.execute("select maintain_event_partitions($1, $2)", DAYS_AHEAD, RETENTION_DAYS))
        return False
