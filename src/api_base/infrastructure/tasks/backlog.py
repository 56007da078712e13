"""What waits for workers: figures of queues, read from PostgreSQL as the role `worker`.

Every worker reads them, so several show the same figures: take their maximum, not their sum.
"""

from collections.abc import Callable
from typing import Final

from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.session import Database

INTERVAL: Final = 10.0
"""Seconds between two readings."""
MOST: Final = 10_000
"""What is counted ends here: the longer a queue, the less may its measurement cost."""


def _waited(rows: str) -> str:
    return f"coalesce(extract(epoch from now() - (select min(since) from {rows})), 0)::float8"


_SEALED: Final = "(select {} from audit_seals order by transaction_id desc, sequence desc limit 1)"
_READ: Final = f"""
with queued as (
    (select scheduled_at as since from jobs where state = 'waiting' and scheduled_at <= now() order by scheduled_at limit {MOST})
    union all (select scheduled_at from jobs where state = 'ready' limit {MOST})
), dead as (select from jobs where state = 'dead' limit {MOST}
), delivered as (select subscription, event_at as since, dead from deliveries order by event_at limit {MOST}
), unpublished as (select at as since from outbox where not published order by sequence limit {MOST}
), unsealed as (
    select at as since from audit where (transaction_id, sequence) > (
        coalesce({_SEALED.format("transaction_id")}, 0)::text::xid8, coalesce({_SEALED.format("sequence")}, 0))
    order by transaction_id, sequence limit {MOST})
select
    (select count(*) from queued) as jobs_waiting,
    {_waited("queued")} as jobs_waiting_seconds,
    (select count(*) from dead) as jobs_dead,
    (select count(*) from delivered where not dead) as deliveries_waiting,
    {_waited("delivered where not dead")} as deliveries_waiting_seconds,
    (select count(*) from delivered where dead) as deliveries_dead,
    {_waited("delivered where not dead and subscription like 'search.%'")} as search_waiting_seconds,
    (select count(*) from unpublished) as outbox_unpublished,
    {_waited("unpublished")} as outbox_unpublished_seconds,
    {_waited("unsealed")} as audit_unsealed_seconds
"""


class Backlog:
    """`gauge` receives each figure by its name: a number of rows, or how many seconds the oldest has waited, 0 if none waits."""

    def __init__(self, database: Database, gauge: Callable[[str, float], None]) -> None:
        self._database, self._gauge = database, gauge

    @property
    def task(self) -> PeriodicTask:
        """Return the periodic task of the worker."""
        return PeriodicTask(name="measure what waits", interval=INTERVAL, run=self.run)

    async def run(self) -> bool:
        """Read the figures once. There is never more to do."""
        row = await self._database.run(lambda connection: connection.fetchrow(_READ))
        for name, value in row.items():
            self._gauge(name, value)
        return False
