"""Operations on jobs for operators: list, show, retry and cancel them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api_base.core.errors import Conflict, NotFound
from api_base.core.protocols import ENDED, JobState
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.serialization.json_codec import decode
from api_base.infrastructure.tasks.completion import CANCEL, NOTIFY_CANCELLED
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.store import known


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """A complete row. `payload` is the command; `tenant_id` and `user_id` are None for a job without tenant or user."""

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


_COLUMNS: Final = ", ".join(field.name for field in fields(JobEntry))
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
"""`attempts` does not change: with the id it distinguishes the next execution from one that may still be running."""


class JobAdmin:
    """`pool` connects as the role `worker`. Cancelled jobs are kept for `keep_days`."""

    def __init__(self, pool: ConnectionPool, keep_days: int) -> None:
        self._pool, self._keep_days = pool, keep_days

    async def newest(self, *, state: JobState | None, name: str | None, tenant_id: UUID | None, limit: int) -> Sequence[JobEntry]:
        """Return the newest `limit` jobs, oldest first. The nil UUID as `tenant_id` selects jobs without a tenant."""
        rows = await self._pool.run(lambda connection: connection.fetch(_LIST, state, name, tenant_id, limit))
        return [_entry(row) for row in reversed(rows)]

    async def dead(self, limit: int) -> Sequence[JobEntry]:
        """Return up to `limit` dead jobs, the longest dead first."""
        return [_entry(row) for row in await self._pool.run(lambda connection: connection.fetch(_DEAD, limit))]

    async def show(self, id: UUID) -> JobEntry:
        """Return the job. Raises `NotFound`."""
        row = await self._pool.run(lambda connection: connection.fetchrow(_SHOW, id))
        if row is None:
            raise NotFound("job", id)
        return _entry(row)

    async def retry(self, id: UUID) -> None:
        """Make a dead or cancelled job ready, with the full number of attempts. Raises `NotFound`, `Conflict` for another state."""

        async def again(connection: Connection) -> None:
            async with connection.transaction():
                tenant, state = await _locked(connection, id)
                if state not in (JobState.DEAD, JobState.CANCELLED):
                    raise Conflict(f"The job {id} is {state}. Only dead and cancelled jobs can be retried.")
                await connection.execute(_RETRY, tenant, id)

        await self._pool.run(again)

    async def cancel(self, id: UUID) -> None:
        """Cancel a job. Raises `NotFound`, `Conflict` for a job that has ended."""

        async def end(connection: Connection) -> None:
            async with connection.transaction():
                tenant, state = await _locked(connection, id)
                if state in ENDED:
                    raise Conflict(f"The job {id} is {state} already and cannot be cancelled.")
                await connection.execute(CANCEL, self._keep_days, tenant, id)
                await connection.execute(NOTIFY_CANCELLED)

        await self._pool.run(end)


async def _locked(connection: Connection, id: UUID) -> tuple[UUID, JobState]:
    row = await connection.fetchrow(_LOCK, id)
    if row is None:
        raise NotFound("job", id)
    return row["tenant_id"], JobState(row["state"])


def _document(text: str | None) -> Any:
    return None if text is None else decode(text)


_entry: Final = restored(JobEntry, tenant_id=known, user_id=known, state=JobState, payload=_document, result=_document)
