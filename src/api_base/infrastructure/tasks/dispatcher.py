"""Dispatches ready jobs to a broker: by rotation of their tenants, few at a time, and again when the broker has lost them.

Only few jobs wait in the broker, because it delivers them in the order of publication: only the database has their tenants and priorities.
A row stores the attempt that was dispatched last, so a job that becomes ready again is dispatched again. When more dispatched
jobs are overdue than the broker holds messages, some were lost (the broker was wiped, or moved them to the dead letters).
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.tasks.backend import JobRef, JobTransport
from api_base.infrastructure.tasks.store import MAX_BATCH_ROWS, TenantRotation, picked_by_tenant

logger = get_logger(__name__)

WINDOW: Final = 500
"""Messages that may wait for workers."""
FULL_DELAY: Final = 0.1
"""Seconds before the next check of a full window."""
OVERDUE_SECONDS: Final = 30.0
"""Seconds after which a dispatched job should have begun."""

_PICK: Final = f"""
{picked_by_tenant("state = 'ready' and dispatched_attempt is distinct from attempts")}
update jobs j set dispatched_attempt = attempts, dispatched_at = now() from picked
where j.tenant_id = picked.tenant_id and j.id = picked.id returning j.tenant_id, j.id, j.traceparent
"""
_UNDO: Final = """
update jobs j set dispatched_attempt = null from unnest($1::uuid[], $2::uuid[]) as s (tenant_id, id)
where j.tenant_id = s.tenant_id and j.id = s.id and j.state = 'ready'
"""
_OVERDUE: Final = f"""
select tenant_id, id from jobs where state = 'ready' and dispatched_attempt = attempts and dispatched_at < now() - $1::interval
limit {MAX_BATCH_ROWS}
"""


class JobDispatcher:
    """Safe to run in several workers at the same time. `pool` connects as the role `worker`; `overdue` is in seconds."""

    def __init__(self, pool: ConnectionPool, transport: JobTransport, *, overdue: float = OVERDUE_SECONDS) -> None:
        self._pool, self._transport, self._overdue = pool, transport, overdue
        self._rotation, self._checked = TenantRotation(pool), time.monotonic()

    async def run(self) -> bool:
        """Dispatch jobs until the window is full. Returns whether more may be ready. Raises `Unavailable`."""
        waiting = await self._transport.depth()
        if time.monotonic() - self._checked >= self._overdue:
            self._checked = time.monotonic()
            await self._dispatch_lost_again(waiting)
        if waiting >= WINDOW:
            await asyncio.sleep(FULL_DELAY)
            return True
        rows = await self._rotation.fetch(_PICK, WINDOW - waiting)
        picked = [JobRef(row["tenant_id"], row["id"], row["traceparent"]) for row in rows]
        await self._publish(picked)
        return bool(picked)

    async def _publish(self, jobs: Sequence[JobRef]) -> None:
        unconfirmed: Sequence[JobRef] = jobs
        try:
            unconfirmed = await self._transport.publish(jobs)
        finally:
            if unconfirmed:
                await self._undo(unconfirmed)

    async def _undo(self, jobs: Sequence[JobRef]) -> None:
        """Mark `jobs` to be dispatched again."""
        columns = [job.tenant for job in jobs], [job.id for job in jobs]
        await self._pool.run(lambda connection: connection.execute(_UNDO, *columns))

    async def _dispatch_lost_again(self, waiting: int) -> None:
        overdue = timedelta(seconds=self._overdue)
        rows = await self._pool.run(lambda connection: connection.fetch(_OVERDUE, overdue))
        if len(rows) > waiting:
            logger.warning("jobs_dispatched_again", count=len(rows), waiting=waiting)
            await self._undo([JobRef(row["tenant_id"], row["id"]) for row in rows])
