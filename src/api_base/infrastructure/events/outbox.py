"""The rows that a unit of work writes with its changes: their events, and in a subscriber the handled event."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.base import DomainEvent
from api_base.core.errors import AlreadyHandled
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import NO_REQUEST, NO_USER, RequestContext
from api_base.infrastructure.db.changes import Change, ExtraRow, Participant
from api_base.infrastructure.db.schema import Ownership, ownership
from api_base.infrastructure.events.tables import INBOX, OUTBOX, SHARDS
from api_base.infrastructure.serialization.json_codec import encode

CHANNEL: Final = "events"
"""Of NOTIFY: events were stored."""


def shard_of(aggregate_id: UUID) -> int:
    """The low bits of the id, which are random [RFC 9562, section 5.7]."""
    return aggregate_id.int % SHARDS


class OutboxParticipant(Participant):
    """Adds the events of each change, in its transaction; handlers do nothing for it."""

    tables: Sequence[sa.Table] = (OUTBOX,)

    def __init__(self, ids: IdGenerator, clock: Clock) -> None:
        self._ids, self._clock = ids, clock

    def rows(self, changes: Sequence[Change], context: RequestContext | None) -> list[ExtraRow]:
        about = context or NO_REQUEST
        return [
            ExtraRow(OUTBOX, self._row(event, change, about), position)
            for position, change in enumerate(changes)
            for event in change.events
        ]

    def _row(self, event: DomainEvent, change: Change, context: RequestContext) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        return (
            self._clock.now(), self._ids.new(), change.owner if ownership(change.table) is Ownership.TENANT else None,
            shard_of(event.aggregate_id), event.name, event.aggregate_id, change.expected + 1,
            None if context.user_id == NO_USER else context.user_id, context.request_id, context.traceparent, encode(event).decode(),
        )  # fmt: skip


class InboxParticipant(Participant):
    """Adds the handled event to the inbox with the first change of a subscriber's unit of work. The second time raises `AlreadyHandled`."""

    tables: Sequence[sa.Table] = (INBOX,)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def rows(self, changes: Sequence[Change], context: RequestContext | None) -> list[ExtraRow]:
        return list(self._rows(changes, context))

    def _rows(self, changes: Sequence[Change], context: RequestContext | None) -> Iterator[ExtraRow]:
        if context is None or context.delivery is None or not changes:
            return
        subscription, event_id = context.delivery
        changes[0].constraint_errors = {**changes[0].constraint_errors, "inbox_pkey": lambda: AlreadyHandled(subscription, event_id)}
        yield ExtraRow(INBOX, (subscription, event_id, self._clock.now()), 0)
        context.delivery = None  # once, however often the unit of work sends
