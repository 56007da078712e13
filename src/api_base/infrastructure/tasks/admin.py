"""Jobs, looked at, tried again and cancelled by an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from api_base.core.errors import Conflict, NotFound
from api_base.core.protocols.jobs import ENDED, JobState
from api_base.core.types import NO_TENANT
from api_base.infrastructure.db.pool import Connection, ConnectionPool
from api_base.infrastructure.tasks.cancellation import CANCEL, TELL
from api_base.infrastructure.tasks.database_queue import CHANNEL

_COLUMNS: Final = """
id, tenant_id, user_id, name, state, priority, progress, attempts, failures, lost_attempts, scheduled_at, created_at, started_at, finished_at, leased_until, expires_at,
error, request_id, traceparent, payload, result
"""
_LIST: Final = f"""
select {_COLUMNS} from jobs
where ($1::text is null or state = $1) and ($2::text is null or name = $2) and ($3::uuid is null or tenant_id = $3)
order by created_at desc, id desc limit $4
"""
_DEAD: Final = f"select {_COLUMNS} from jobs where state = 'dead' order by finished_at limit $1"
_SHOW: Final = f"select {_COLUMNS} from jobs where id = $1"
_LOCK: Final = "select tenant_id, state from jobs where id = $1 for update"
_RETRY: Final = f"""
with retried as (
    update jobs set state = 'ready', scheduled_at = now(), failures = 0, lost_attempts = 0, progress = 0, error = null, public_error = null, finished_at = null, expires_at = null
    where tenant_id = $1 and id = $2 returning 1)
select pg_notify('{CHANNEL}', '') from retried
"""
"""`attempts` stay: with the id they tell this execution from one that may still believe in the job."""

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """A whole row. `payload` is the command; `tenant_id` and `user_id` are None for a job of no tenant, or of nobody in particular."""

    id: UUID
    tenant_id: UUID | None
    user_id: UUID | None
    name: str
    state: JobState
    priority: int
    progress: int
    attempts: int
    failures: int
    lost_attempts: int
    scheduled_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    leased_until: datetime | None
    expires_at: datetime | None
    error: str | None
    request_id: str
    traceparent: str
    payload: Any
    result: Any


class JobAdmin:
    """`pool` is the worker's. What is cancelled is kept for `keep_days`."""

    def __init__(self, pool: ConnectionPool, keep_days: int) -> None:
        self._pool, self._keep_days = pool, keep_days

    async def newest(self, *, state: JobState | None, name: str | None, tenant_id: UUID | None, limit: int) -> Sequence[JobEntry]:
        """At most `limit` jobs, the newest ones, oldest first. `tenant_id`: the nil UUID is that of no tenant."""
        rows = await self._pool.run(lambda connection: connection.fetch(_LIST, state, name, tenant_id, limit))
        return [_entry(row) for row in reversed(rows)]

    async def dead(self, limit: int) -> Sequence[JobEntry]:
        """At most `limit` of those that have failed for good, the longest dead first."""
        return [_entry(row) for row in await self._pool.run(lambda connection: connection.fetch(_DEAD, limit))]

    async def show(self, id: UUID) -> JobEntry:
        """Raises `NotFound`."""
        row = await self._pool.run(lambda connection: connection.fetchrow(_SHOW, id))
        if row is None:
            raise NotFound("job", id)
        return _entry(row)

    async def retry(self, id: UUID) -> None:
        """Have a dead or cancelled job tried again, as often as a new one. Raises `NotFound`, `Conflict` for another state."""

        async def again(connection: Connection) -> None:
            async with connection.transaction():
                tenant, state = await _locked(connection, id)
                if state not in (JobState.DEAD, JobState.CANCELLED):
                    raise Conflict(f"The job {id} is in the state {state}: only what is dead or cancelled can be tried again.")
                await connection.execute(_RETRY, tenant, id)

        await self._pool.run(again)

    async def cancel(self, id: UUID) -> None:
        """Raises `NotFound`, `Conflict` for a job that has ended."""

        async def end(connection: Connection) -> None:
            async with connection.transaction():
                tenant, state = await _locked(connection, id)
                if state in ENDED:
                    raise Conflict(f"The job {id} has ended, in the state {state}: there is nothing to cancel.")
                await connection.execute(CANCEL, self._keep_days, tenant, id)
                await connection.execute(TELL)

        await self._pool.run(end)


async def _locked(connection: Connection, id: UUID) -> tuple[UUID, JobState]:
    row = await connection.fetchrow(_LOCK, id)
    if row is None:
        raise NotFound("job", id)
    return row["tenant_id"], JobState(row["state"])


def _entry(row: asyncpg.Record) -> JobEntry:
    told = dict(row)
    for owner in ("tenant_id", "user_id"):
        told[owner] = None if told[owner] == NO_TENANT else told[owner]
    for document in ("payload", "result"):
        told[document] = None if told[document] is None else _decode(told[document])
    return JobEntry(**{**told, "state": JobState(told["state"])})
