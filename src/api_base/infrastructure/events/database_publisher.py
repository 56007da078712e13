"""`EVENTS__URL=database://`: publishes an event by inserting a delivery for each durable subscription to its name."""

from collections.abc import Sequence
from typing import Final

from api_base.core.protocols import EventPublisher, StoredEvent
from api_base.domain.common.events import Subscribers
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.events.outbox import shard_of

CHANNEL: Final = "deliveries"
"""Of NOTIFY, once for each batch. Consumers do not listen to the storing of events: their deliveries do not exist then."""

_INSERT: Final = f"""
with made as (
    insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead)
    select *, 0, now(), false from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::smallint[], $6::uuid[])
    on conflict do nothing returning 1)
select pg_notify('{CHANNEL}', '') where exists (select from made)
"""


class DatabaseEventPublisher(EventPublisher):
    """`pool` is the worker's. The subscriptions are those of the relaying process: all processes of an application have the same."""

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
        """Nothing is open: the pool belongs to the worker."""
