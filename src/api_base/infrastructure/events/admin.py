"""Operations on stored events for operators: list them, retry dead deliveries, replay them to a subscription."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.core.protocols import StoredEvent
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.events.outbox import RETENTION_DAYS
from api_base.infrastructure.events.rows import COLUMNS, stored_event

_LIST: Final = f"""
select {COLUMNS} from outbox o
where ($1::text is null or name = $1) and ($2::uuid is null or aggregate_id = $2) and ($3::timestamptz is null or at >= $3)
order by at desc, sequence desc limit $4
"""
_DEAD: Final = """
select d.subscription, d.event_id, o.name, d.aggregate_id, d.attempts, d.error,
       (select count(*) from deliveries w where w.subscription = d.subscription and w.aggregate_id = d.aggregate_id and w.sequence > d.sequence) as behind
from deliveries d join outbox o on o.at = d.event_at and o.id = d.event_id where d.dead order by d.sequence limit $1
"""
_REVIVE: Final = """
with revived as (
    update deliveries set dead = false, attempts = 0, next_attempt_at = now(), error = null
    where dead and subscription <> 'relay' and ($1::text is null or subscription = $1) and ($2::uuid is null or event_id = $2) returning 1),
published as (
    delete from deliveries
    where dead and subscription = 'relay' and ($1::text is null or subscription = $1) and ($2::uuid is null or event_id = $2) returning 1)
select (select count(*) from revived) + (select count(*) from published)
"""
_REPLAY: Final = """
insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead)
select $1, sequence, at, id, shard, aggregate_id, 0, now(), false from outbox
where name = any($2::text[]) and at >= $3 and at >= date_trunc('day', now(), 'UTC') - make_interval(days => $4) and published
on conflict do nothing
"""
"""Excludes events that are older than the inbox, even if a partition still holds them: they could take effect twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """`behind` counts the later events of the aggregate that wait for it."""

    subscription: str
    event_id: UUID
    name: str
    aggregate_id: UUID
    attempts: int
    error: str
    behind: int


class EventAdmin:
    """`pool` is the worker's."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def newest(self, *, name: str | None, aggregate_id: UUID | None, since: datetime | None, limit: int) -> Sequence[StoredEvent]:
        """Return the newest `limit` events, oldest first."""
        rows = await self._pool.run(lambda connection: connection.fetch(_LIST, name, aggregate_id, since, limit))
        return [stored_event(row) for row in reversed(rows)]

    async def dead(self, limit: int) -> Sequence[DeadLetter]:
        rows = await self._pool.run(lambda connection: connection.fetch(_DEAD, limit))
        return [DeadLetter(**dict(row)) for row in rows]

    async def revive(self, *, subscription: str | None, event_id: UUID | None) -> int:
        """Retry dead deliveries, with the full number of attempts. Returns their number."""
        found: int = await self._pool.run(lambda connection: connection.fetchval(_REVIVE, subscription, event_id))
        return found

    async def replay(self, *, subscription: str, names: Sequence[str], since: datetime) -> int:
        """Deliver the stored events of these names from `since` on to a subscription. Its inbox prevents a second effect. Returns their number."""
        status = await self._pool.run(lambda connection: connection.execute(_REPLAY, subscription, list(names), since, RETENTION_DAYS))
        return int(status.split()[2])
