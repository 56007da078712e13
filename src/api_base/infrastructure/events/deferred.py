"""Stores deliveries that failed from a broker, so that `DeliveryConsumer` retries them."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from api_base.core.errors import Unavailable
from api_base.core.protocols import DeferredDeliveries, StoredEvent
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.events.outbox import shard_of

_WAITING: Final = "select distinct aggregate_id from deliveries where subscription = $1 and aggregate_id = any($2::uuid[])"
_ADD: Final = """
with kept as (select sequence, at, id from outbox where at = $2 and id = $3), added as (
    insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead)
    select $1, sequence, at, id, $4, $5, 0, now(), false from kept on conflict do nothing)
select count(*) from kept
"""


class DatabaseDeferredDeliveries(DeferredDeliveries):
    """`pool` connects as the role `worker`."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def waiting(self, subscription: str, aggregates: Collection[UUID]) -> set[UUID]:
        rows = await self._pool.run(lambda connection: connection.fetch(_WAITING, subscription, list(aggregates)))
        return {row["aggregate_id"] for row in rows}

    async def add(self, subscription: str, event: StoredEvent) -> None:
        """Raises `Unavailable` for an event that is not in the outbox, since it cannot be retried from there."""
        shard = shard_of(event.aggregate_id)
        stored = await self._pool.run(
            lambda connection: connection.fetchval(_ADD, subscription, event.at, event.id, shard, event.aggregate_id)
        )
        if not stored:
            raise Unavailable(f"The event {event.id} is not in the outbox, so its delivery to {subscription} cannot be deferred.")
