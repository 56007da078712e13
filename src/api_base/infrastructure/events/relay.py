"""The relay: publishes the events of the outbox, at least once, in the order of each aggregate's versions.

Any number of relays may run. Each locks free shards by advisory locks, which end with the transaction. An event that can never be
published is dead, and the later events of its aggregate wait; all others are published.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from api_base.application.common.events import EventVersions
from api_base.application.common.realtime import ChannelKey
from api_base.core.errors import EventRefused
from api_base.core.protocols import EventPublisher, StoredEvent
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.events.rows import COLUMNS, shards_for, stored_event, wait_for_shards

logger = get_logger(__name__)

BATCH: Final = 500
RELAY: Final = "relay"
"""The subscription of refused events in `deliveries`; the name of a real subscription has a dot."""
JOURNAL: Final = "journal"
"""Reads the shards for the journal."""

WAITING: Final = f"""
select {COLUMNS} from outbox o
where not published and shard = any($1::smallint[])
  and not exists (select from deliveries d where d.subscription = '{RELAY}' and d.aggregate_id = o.aggregate_id)
order by sequence limit $2
"""
_MARK: Final = """
with marked as (
    update outbox o set published = true from unnest($1::timestamptz[], $2::uuid[]) as u(at, id) where o.at = u.at and o.id = u.id
    returning o.id, o.journaled
)
select id from marked where not journaled
"""
_UNJOURNALED: Final = f"""
select {COLUMNS} from outbox o where not published and not journaled and shard = any($1::smallint[]) order by sequence limit $2
"""
_JOURNALED: Final = (
    "update outbox o set journaled = true from unnest($1::timestamptz[], $2::uuid[]) as u(at, id) where o.at = u.at and o.id = u.id"
)
_REFUSE: Final = f"""
insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead, error)
select '{RELAY}', sequence, at, id, shard, aggregate_id, 1, now(), true, $3 from outbox where at = $1 and id = $2
"""


class Journal(Protocol):
    """Stores events for connected clients in the transaction that marks them as published: exactly once, in the order of commits."""

    async def append(self, connection: Connection, events: Sequence[StoredEvent]) -> Sequence[ChannelKey]:
        """Return the channels that have new events."""

    async def signal(self, changed: Sequence[ChannelKey]) -> None:
        """Called with the result of `append` after the commit."""


async def _signalled(
    pool: ConnectionPool, batch: Callable[[Connection], Awaitable[tuple[bool, Sequence[ChannelKey]]]], journal: Journal
) -> bool:
    """Run a batch, then signal the channels that it changed. Returns whether there is more."""
    more, changed = await pool.run(batch)
    if changed:
        await journal.signal(changed)
    return more


class EarlyJournal:
    """Stores events in the journal before a broker has them: connected clients receive them while it does not answer."""

    def __init__(self, pool: ConnectionPool, journal: Journal, versions: EventVersions) -> None:
        self._pool, self._journal, self._versions = pool, journal, versions

    async def run(self) -> bool:
        """Store one batch. Returns whether there is more."""
        return await _signalled(self._pool, self._in_transaction, self._journal)

    async def _in_transaction(self, connection: Connection) -> tuple[bool, Sequence[ChannelKey]]:
        changed: Sequence[ChannelKey] = ()
        async with connection.transaction():
            shards = await shards_for(connection, JOURNAL)
            rows = await connection.fetch(_UNJOURNALED, shards, BATCH) if shards else []
            if rows:
                events = [stored_event(row) for row in rows]
                await connection.execute(_JOURNALED, [event.at for event in events], [event.id for event in events])
                changed = await self._journal.append(connection, self._versions.forms_of_known(events))
        return len(rows) == BATCH, changed


class Relay:
    """`early` says that an `EarlyJournal` runs beside it."""

    def __init__(
        self, pool: ConnectionPool, publisher: EventPublisher, journal: Journal, versions: EventVersions, *, early: bool = False
    ) -> None:
        self._pool, self._publisher, self._journal, self._versions, self._early = pool, publisher, journal, versions, early

    async def run(self) -> bool:
        """Publish one batch. Returns whether there is more. Raises the error of the publisher; then no event is marked as published."""
        return await _signalled(self._pool, self._in_transaction, self._journal)

    async def _in_transaction(self, connection: Connection) -> tuple[bool, Sequence[ChannelKey]]:
        changed: Sequence[ChannelKey] = ()
        async with connection.transaction():
            shards = await shards_for(connection, RELAY)
            rows = await connection.fetch(WAITING, shards, BATCH) if shards else []
            if rows:
                changed = await self._publish(connection, shards, [stored_event(row) for row in rows])
        return len(rows) == BATCH, changed

    async def _publish(self, connection: Connection, shards: Sequence[int], events: Sequence[StoredEvent]) -> Sequence[ChannelKey]:
        try:
            await self._publisher.publish(self._versions.forms(events))
        except EventRefused as refused:
            one = next(event for event in events if event.id == refused.event_id)
            logger.error("event_refused", domain_event=one.name, event_id=str(one.id), reason=str(refused))
            await connection.execute(_REFUSE, one.at, one.id, str(refused))
            return ()  # the next run publishes the others, without this aggregate
        keys = [event.at for event in events], [event.id for event in events]
        if self._early:
            await wait_for_shards(connection, JOURNAL, shards)
        fresh = {row["id"] for row in await connection.fetch(_MARK, *keys)}  # without a broker too: it may have been configured before
        return await self._journal.append(connection, self._versions.forms([event for event in events if event.id in fresh]))
