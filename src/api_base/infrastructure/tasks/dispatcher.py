"""Ready jobs are handed to what carries them to workers: in turn of their tenants, few at a time, and again where one got lost.

Few, because what is dispatched_attempt is in the order in which it was handed over: the database knows of tenants and priorities, a broker does not.
A row says for which attempt it was last handed over, so a job that comes back is handed over anew. One that was, and is not begun, is lost
where the broker holds fewer messages than there are such jobs: it was wiped, say, or has put them with the dead letters.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.tasks.rabbitmq_queue import JobRef
from api_base.infrastructure.tasks.store import MAX_BATCH_ROWS, TenantRotation, picked_in_turn

logger = get_logger(__name__)

WINDOW: Final = 500
"""Messages that wait for workers at most."""
RETRY_DELAY: Final = 0.1
"""Seconds before another look where as many wait as may."""
_OVERDUE_SECONDS: Final = 30.0
"""Seconds after which a job that was handed over should have begun."""

_PICK: Final = f"""
{picked_in_turn("state = 'ready' and dispatched_attempt is distinct from attempts")}
update jobs j set dispatched_attempt = attempts, dispatched_at = now() from picked
where j.tenant_id = picked.tenant_id and j.id = picked.id returning j.tenant_id, j.id
"""
_PUT_BACK: Final = """
update jobs j set dispatched_attempt = null from unnest($1::uuid[], $2::uuid[]) as s (tenant_id, id)
where j.tenant_id = s.tenant_id and j.id = s.id and j.state = 'ready'
"""
_OVERDUE: Final = f"select tenant_id, id from jobs where state = 'ready' and dispatched_attempt = attempts and dispatched_at < now() - $1::interval limit {MAX_BATCH_ROWS}"


class JobTransport(Protocol):
    """What carries jobs to workers."""

    async def put(self, jobs: Sequence[JobRef]) -> list[JobRef]:
        """Take them; those that it did not. Raises `Unavailable` where it took none."""
        ...

    async def depth(self) -> int:
        """How many of them wait for workers. Raises `Unavailable`."""
        ...


class JobDispatcher:
    """Safe to run in several workers at once. `pool` is the worker's; `overdue` is in seconds."""

    def __init__(self, pool: ConnectionPool, transport: JobTransport, *, overdue: float = _OVERDUE_SECONDS) -> None:
        self._pool, self._transport, self._overdue = pool, transport, overdue
        self._turns, self._looked = TenantRotation(pool), time.monotonic()

    async def run(self) -> bool:
        """Hand over as many as there is room for; whether there may be more. Raises `Unavailable`."""
        waiting = await self._transport.depth()
        if time.monotonic() - self._looked >= self._overdue:
            self._looked = time.monotonic()
            await self._find_lost(waiting)
        if waiting >= WINDOW:
            await asyncio.sleep(RETRY_DELAY)
            return True
        rows = await self._turns.take(_PICK, WINDOW - waiting)
        picked = [JobRef(row["tenant_id"], row["id"]) for row in rows]
        await self._hand_over(picked)
        return bool(picked)

    async def _hand_over(self, jobs: Sequence[JobRef]) -> None:
        missed: Sequence[JobRef] = jobs
        try:
            missed = await self._transport.put(jobs)
        finally:
            if missed:
                await self._put_back(missed)

    async def _put_back(self, jobs: Sequence[JobRef]) -> None:
        columns = [job.tenant for job in jobs], [job.id for job in jobs]
        await self._pool.run(lambda connection: connection.execute(_PUT_BACK, *columns))

    async def _find_lost(self, waiting: int) -> None:
        overdue = timedelta(seconds=self._overdue)
        rows = await self._pool.run(lambda connection: connection.fetch(_OVERDUE, overdue))
        if len(rows) > waiting:
            logger.warning("jobs_carried_again", count=len(rows), waiting=waiting)
            await self._put_back([JobRef(row["tenant_id"], row["id"]) for row in rows])
