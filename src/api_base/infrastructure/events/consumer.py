"""Carries a durable subscription's deliveries out: in order for each aggregate, tried again with growing pauses, dead in the end.

One that fails holds up what follows it in its aggregate for this subscription, and nothing else. What fails because something
else is down is never dead: it is tried until that is back.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from api_base.application.common.events import EventDelivery
from api_base.core.errors import EventRefused, Transient, Unavailable
from api_base.core.shared import backoff
from api_base.core.shared.logging import get_logger
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.pool import Connection, ConnectionPool
from api_base.infrastructure.events.locks import shards_for
from api_base.infrastructure.events.rows import COLUMNS, stored_event

logger = get_logger(__name__)

type _Failure = tuple[asyncpg.Record, Exception]

BATCH: Final = 100
CONCURRENCY: Final = 8
"""Aggregates worked on at the same time."""
BATCH_TIMEOUT: Final = 10.0
"""Seconds in which handlers are begun. With one handler's longest it is well below the lease of the locks: a batch is noted as done
by whoever carried it out, and a worker that is told to stop has soon finished."""
ATTEMPTS: Final = 10
MAX_RETRY_DELAY: Final = 300.0
"""Seconds between two attempts; ten attempts take four to nine minutes in all."""

DUE: Final = f"""
select {COLUMNS}, d.attempts from deliveries d join outbox o on o.at = d.event_at and o.id = d.event_id
where d.subscription = $1 and d.shard = any($2::smallint[]) and not d.dead and d.next_attempt_at <= now()
  and not exists (
    select from deliveries e where e.subscription = d.subscription and e.aggregate_id = d.aggregate_id
      and e.sequence < d.sequence and (e.dead or e.next_attempt_at > now()))
order by d.sequence limit $3
"""
_DONE: Final = "delete from deliveries d using unnest($2::bigint[]) as u(sequence) where d.subscription = $1 and d.sequence = u.sequence"
_FAILED: Final = "update deliveries set attempts = $3, next_attempt_at = now() + $4::interval, dead = $5, error = $6 where subscription = $1 and sequence = $2"


class DeliveryConsumer:
    """`pool` is the worker's; what handlers write goes through `delivery` as the role `app`. `turn` is in seconds."""

    def __init__(
        self, pool: ConnectionPool, subscription: DurableSubscription, delivery: EventDelivery, turn: float = BATCH_TIMEOUT
    ) -> None:
        self._pool, self._subscription, self._delivery, self._turn = pool, subscription, delivery, turn

    async def run(self) -> bool:
        """Carry out what is due of one batch; whether there may be more."""
        return await self._pool.run(self._in_transaction)

    async def _in_transaction(self, connection: Connection) -> bool:
        """The locks on the shards last as long as the transaction; an effect is committed by itself before its delivery goes."""
        async with connection.transaction():
            shards = await shards_for(connection, self._subscription.name)
            rows = await connection.fetch(DUE, self._subscription.name, shards, BATCH) if shards else []
            in_time = await self._carry_out(connection, rows)
        return len(rows) == BATCH or not in_time

    async def _carry_out(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> bool:
        """Whether there was time to begin all of it."""
        aggregates: dict[UUID, list[asyncpg.Record]] = {}
        for row in rows:
            aggregates.setdefault(row["aggregate_id"], []).append(row)
        done, failed = [], []
        places, until = asyncio.Semaphore(CONCURRENCY), time.monotonic() + self._turn
        for carried, failure in await asyncio.gather(*(self._in_order(events, places, until) for events in aggregates.values())):
            done += carried
            failed += [failure] if failure else []
        if done:
            await connection.execute(_DONE, self._subscription.name, done)
        for row, error in failed:
            await self._failed(connection, row, error)
        return time.monotonic() < until

    async def _in_order(self, rows: Sequence[asyncpg.Record], places: asyncio.Semaphore, until: float) -> tuple[list[int], _Failure | None]:
        """One aggregate's events, up to the first that fails: the sequences of those done, and what failed."""
        done: list[int] = []
        async with places:
            for row in rows:
                if time.monotonic() >= until:
                    break
                try:
                    await self._delivery.handle(self._subscription, stored_event(row))
                except Exception as error:
                    return done, (row, error)
                done.append(row["sequence"])
        return done, None

    async def _failed(self, connection: Connection, row: asyncpg.Record, error: Exception) -> None:
        attempts = row["attempts"] + 1
        passing = isinstance(error, Transient | Unavailable)
        dead = isinstance(error, EventRefused) or (attempts >= ATTEMPTS and not passing)
        told = f"{type(error).__name__}: {error}"[:1000]
        logger.warning(
            "delivery_failed", subscription=self._subscription.name, event_id=str(row["id"]), attempts=attempts, dead=dead, reason=told
        )
        await connection.execute(
            _FAILED,
            self._subscription.name,
            row["sequence"],
            attempts,
            timedelta(seconds=backoff.pause(attempts, longest=MAX_RETRY_DELAY)),
            dead,
            told,
        )
