"""Delivers events to a durable subscription: in order for each aggregate, with retries, dead after too many failures.

A failed delivery blocks the later ones of its aggregate for this subscription, and nothing else. An outage never makes a delivery dead:
it is retried until the outage ends.
"""

import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from api_base.application.common.events import EventDelivery
from api_base.application.common.events.key_order import run_in_key_order
from api_base.application.common.retry_policy import DELIVERY_REFUSALS, RetryPolicy
from api_base.core.errors import Unavailable
from api_base.core.protocols import DeferredDeliveries, StoredEvent
from api_base.core.shared import backoff
from api_base.core.shared.logging import get_logger
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.events.outbox import shard_of
from api_base.infrastructure.events.rows import COLUMNS, shards_for, stored_event

logger = get_logger(__name__)

BATCH: Final = 100
CONCURRENCY: Final = 8
"""Aggregates that are handled at the same time."""
BATCH_TIMEOUT: Final = 10.0
"""Seconds in which handlers may begin. Together with the timeout of one handler this is well below the lease of the locks: the worker that
handled a batch also marks it as done, and a worker that stops finishes soon."""
MAX_ATTEMPTS: Final = 10
"""With the default backoff, ten attempts take four to nine minutes."""
MAX_ERROR_LENGTH: Final = 1000

DUE: Final = f"""
select {COLUMNS}, d.attempts from deliveries d join outbox o on o.at = d.event_at and o.id = d.event_id
where d.subscription = $1 and d.shard = any($2::smallint[]) and not d.dead and d.next_attempt_at <= now()
  and not exists (
    select from deliveries e where e.subscription = d.subscription and e.aggregate_id = d.aggregate_id
      and e.sequence < d.sequence and (e.dead or e.next_attempt_at > now()))
order by d.sequence limit $3
"""
_DELETE: Final = "delete from deliveries d using unnest($2::bigint[]) as u(sequence) where d.subscription = $1 and d.sequence = u.sequence"
_FAILED: Final = "update deliveries set attempts = $3, next_attempt_at = now() + $4::interval, dead = $5, error = $6 where subscription = $1 and sequence = $2"

_WAITING: Final = "select distinct aggregate_id from deliveries where subscription = $1 and aggregate_id = any($2::uuid[])"
_ADD: Final = """
with kept as (select sequence, at, id from outbox where at = $2 and id = $3), added as (
    insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead)
    select $1, sequence, at, id, $4, $5, 0, now(), false from kept on conflict do nothing)
select count(*) from kept
"""


class DeliveryConsumer:
    """`pool` is the worker's; `delivery` writes the effects of handlers as the role `app`. `batch_timeout` and `retry_delay` in seconds."""

    def __init__(
        self,
        pool: ConnectionPool,
        subscription: DurableSubscription,
        delivery: EventDelivery,
        *,
        batch_timeout: float = BATCH_TIMEOUT,
        retry_delay: Callable[[int], float] = backoff.delay,
    ) -> None:
        self._pool, self._subscription, self._delivery, self._batch_timeout = pool, subscription, delivery, batch_timeout
        self._policy = RetryPolicy(refusals=DELIVERY_REFUSALS, delay=retry_delay)

    async def run(self) -> bool:
        """Handle one batch of due deliveries. Returns whether more may be due."""
        return await self._pool.run(self._in_transaction)

    async def _in_transaction(self, connection: Connection) -> bool:
        """The transaction holds the locks on the shards; each effect commits in its own transaction before its delivery is deleted."""
        async with connection.transaction():
            shards = await shards_for(connection, self._subscription.name)
            rows = await connection.fetch(DUE, self._subscription.name, shards, BATCH) if shards else []
            in_time = await self._handle(connection, rows)
        return len(rows) == BATCH or not in_time

    async def _handle(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> bool:
        """Handle the deliveries. Returns whether there was time to begin all of them."""
        until = time.monotonic() + self._batch_timeout
        steps = [(row["aggregate_id"], partial(self._delivery.handle, self._subscription, stored_event(row))) for row in rows]
        outcomes = await run_in_key_order(steps, CONCURRENCY, lambda: time.monotonic() < until)
        if done := [rows[number]["sequence"] for number, error in outcomes.items() if error is None]:
            await connection.execute(_DELETE, self._subscription.name, done)
        for number, error in outcomes.items():
            if error is not None:
                await self._failed(connection, rows[number], error)
        return time.monotonic() < until

    async def _failed(self, connection: Connection, row: asyncpg.Record, error: Exception) -> None:
        attempt = row["attempts"] + 1
        decision = self._policy.decide(error, attempt=attempt, failures=row["attempts"], max_failures=MAX_ATTEMPTS)
        reason = f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
        logger.warning(
            "delivery_failed",
            subscription=self._subscription.name,
            event_id=str(row["id"]),
            attempts=attempt,
            dead=decision.dead,
            reason=reason,
        )
        delay = timedelta(seconds=decision.delay)
        await connection.execute(_FAILED, self._subscription.name, row["sequence"], attempt, delay, decision.dead, reason)


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
