"""`EVENTS__URL=database://`: publishes an event by inserting a delivery for each durable subscription to its name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from api_base.application.common.events import EventDelivery, Stream
from api_base.core.protocols import EventPublisher, PeriodicTask, StoredEvent
from api_base.domain.common.events import DurableSubscription, Subscribers
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.events.outbox import shard_of

CHANNEL: Final = "deliveries"
"""NOTIFY channel, notified once for each batch.

Consumers do not listen to the channel of the outbox: when an event is stored, its deliveries do not exist yet.
"""

_INSERT: Final = f"""
with made as (
    insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead)
    select *, 0, now(), false from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::smallint[], $6::uuid[])
    on conflict do nothing returning 1)
select pg_notify('{CHANNEL}', '') where exists (select from made)
"""


class DatabaseEventPublisher(EventPublisher):
    """`pool` connects as the role `worker`.

    The subscriptions are those of the relaying process; all processes of an application have the same ones.
    """

    def __init__(self, pool: ConnectionPool, subscribers: Subscribers) -> None:
        self._pool, self._subscribers = pool, subscribers

    async def publish(self, events: Sequence[StoredEvent]) -> None:
        durable = self._subscribers.durable
        rows = [
            (subscription.name, event.sequence, event.at, event.id, shard_of(event.aggregate_id), event.aggregate_id)
            for event in events
            for subscription in durable
            if subscription.event == event.name
        ]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            await self._pool.run(lambda connection: connection.execute(_INSERT, *columns))

    async def close(self) -> None:
        """Do nothing: the worker closes the pool."""


@dataclass(frozen=True, slots=True)
class DatabaseEventTransport:
    """Implements `EventTransport`. Streams require a log with transactions: they do not run."""

    publisher: EventPublisher

    def tasks(
        self, subscriptions: Sequence[DurableSubscription], streams: Sequence[Stream], delivery: EventDelivery, poll: float
    ) -> Iterable[PeriodicTask]:
        """Return no tasks: `DeliveryConsumer` handles the deliveries in the database."""
        return ()
