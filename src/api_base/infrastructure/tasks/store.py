"""The jobs of the table as workers see them, as the role `worker`: claimed by rotation of tenants, settled, released, and made ready.

A tenant with many jobs does not delay the others: a worker goes from tenant to tenant and claims the same share of each. It skips rows
that another worker is claiming [PostgreSQL manual, SELECT: SKIP LOCKED].
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from api_base.application.common.jobs import Outcome
from api_base.core.protocols import ClaimedJob
from api_base.core.types import NO_TENANT
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.rows import restored

LEASE: Final = timedelta(seconds=20)
"""Time after which a worker that has not renewed its lease loses the job."""
MAX_LOST_ATTEMPTS: Final = 5
"""Number of lost attempts after which a job is dead, because it probably kills its workers."""
MAX_BATCH_ROWS: Final = 1000
"""Maximum number of jobs that one statement changes."""

_CLAIMED: Final = "j.tenant_id, j.id, j.user_id, j.name, j.attempts as attempt, j.failures, j.payload::text, j.request_id, j.traceparent"

_BY_INDEX: Final = "begin; set local enable_seqscan = off; set local enable_sort = off; set local enable_bitmapscan = off"
"""In a queue the statistics of the planner are out of date: planned while the queue was short, the statement would read all of a long
one."""


def picked_by_tenant(condition: str) -> str:
    """The beginning of a statement. `picked` holds up to $2 rows of jobs that meet `condition`, from as many tenants as possible, beginning
    with the tenant $1. The rows are locked; rows that are locked by others are skipped."""
    return f"""
with recursive tenants (id, place) as (
    (select tenant_id, 1 from jobs where {condition} and tenant_id >= $1 order by tenant_id limit 1)
    union all
    select (select j.tenant_id from jobs j where {condition} and j.tenant_id > t.id order by j.tenant_id limit 1), t.place + 1
    from tenants t where t.id is not null and t.place < $2
), picked as materialized (
    select j.* from (select id, place, ceil($2::numeric / count(*) over ())::int as share from tenants where id is not null) t
    cross join lateral (
        select tenant_id, id from jobs where {condition} and tenant_id = t.id order by priority desc, scheduled_at limit t.share for update skip locked
    ) j order by t.place limit $2
)"""


CLAIM: Final = f"""
{picked_by_tenant("state = 'ready'")}
update jobs j set state = 'running', attempts = attempts + 1, started_at = now(), leased_until = now() + $3 from picked
where j.tenant_id = picked.tenant_id and j.id = picked.id returning {_CLAIMED}
"""
_CLAIM_ONE: Final = f"""
update jobs j set state = 'running', attempts = attempts + 1, started_at = now(), leased_until = now() + $3
where tenant_id = $1 and id = $2 and state = 'ready' returning {_CLAIMED}
"""
_SETTLE: Final = """
update jobs j set state = s.state, result = s.result::jsonb, error = s.error, public_error = s.public_error, leased_until = null, failures = j.failures + s.failures,
    progress = case when s.state = 'succeeded' then 100 else j.progress end,
    scheduled_at = case when s.state = 'waiting' then now() + s.pause else j.scheduled_at end,
    finished_at = case when s.state = 'waiting' then null else now() end,
    expires_at = case when s.state = 'succeeded' then now() + $10::int * interval '1 day' end
from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[], $9::interval[])
    as s (tenant_id, id, attempt, state, result, error, public_error, failures, pause)
where j.tenant_id = s.tenant_id and j.id = s.id and j.state = 'running' and j.attempts = s.attempt
"""
_RENEW: Final = """
update jobs j set leased_until = now() + $4 from unnest($1::uuid[], $2::uuid[], $3::smallint[]) as s (tenant_id, id, attempt)
where j.tenant_id = s.tenant_id and j.id = s.id and j.state = 'running' and j.attempts = s.attempt returning j.id
"""
_RELEASE: Final = """
update jobs j set state = 'ready', leased_until = null from unnest($1::uuid[], $2::uuid[], $3::smallint[]) as s (tenant_id, id, attempt)
where j.tenant_id = s.tenant_id and j.id = s.id and j.state = 'running' and j.attempts = s.attempt
"""
_STAGE: Final = f"""
with due as (select tenant_id, id from jobs where state = 'waiting' and scheduled_at <= now() order by scheduled_at limit {MAX_BATCH_ROWS} for update skip locked)
update jobs j set state = 'ready' from due where j.tenant_id = due.tenant_id and j.id = due.id
"""
_RESCUE: Final = f"""
with lost as (
    select tenant_id, id from jobs where state = 'running' and leased_until < now() order by leased_until limit {MAX_BATCH_ROWS} for update skip locked)
update jobs j set lost_attempts = lost_attempts + 1, leased_until = null, state = case when lost_attempts + 1 < {MAX_LOST_ATTEMPTS} then 'ready' else 'dead' end,
    finished_at = case when lost_attempts + 1 < {MAX_LOST_ATTEMPTS} then null else now() end, error = 'The worker stopped renewing its lease.'
from lost where j.tenant_id = lost.tenant_id and j.id = lost.id
"""


class TenantRotation:
    """Picks jobs by rotation of tenants; the next call continues after the last tenant. `pool` connects as the role `worker`."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool, self._from = pool, NO_TENANT  # no tenant's id is smaller

    async def fetch(self, statement: str, limit: int, *arguments: object) -> list[asyncpg.Record]:
        """Return up to `limit` rows of a `statement` that begins with `picked_by_tenant`; `arguments` follow $2."""
        started = self._from
        rows = await self._pool.run(lambda connection: fetch_by_index(connection, statement, started, limit, *arguments))
        tenants = {row["tenant_id"] for row in rows}
        more = len(tenants) == limit  # each row has a tenant of its own, so there may be further tenants
        self._from = UUID(int=max(tenants).int + 1) if more else NO_TENANT
        if not rows and started != NO_TENANT:
            return await self.fetch(statement, limit, *arguments)
        return rows


class SqlJobStore:
    """`pool` connects as the role `worker`. Succeeded jobs are kept for `keep_days`."""

    def __init__(self, pool: ConnectionPool, keep_days: int) -> None:
        self._pool, self._keep_days = pool, keep_days
        self._rotation = TenantRotation(pool)

    async def claim(self, limit: int) -> list[ClaimedJob]:
        """Claim up to `limit` ready jobs, from as many tenants as possible, for the time of `LEASE` or until the last renewal."""
        return [_claimed(row) for row in await self._rotation.fetch(CLAIM, limit, LEASE)]

    async def claim_one(self, tenant: UUID, id: UUID) -> ClaimedJob | None:
        """Claim this job; None if it is not ready, belongs to another worker, or was deleted."""
        row = await self._pool.run(lambda connection: connection.fetchrow(_CLAIM_ONE, tenant, id, LEASE))
        return None if row is None else _claimed(row)

    async def settle(self, outcomes: Sequence[tuple[ClaimedJob, Outcome]]) -> None:
        """Write the outcomes of jobs; jobs that were lost do not change."""
        states = [(one.state, one.result, one.error, one.public_error, one.failures, timedelta(seconds=one.delay)) for _, one in outcomes]
        columns = [list(column) for column in zip(*states, strict=True)]
        keys = _keys([job for job, _ in outcomes])
        await self._pool.run(lambda connection: connection.execute(_SETTLE, *keys, *columns, self._keep_days))

    async def renew(self, jobs: Sequence[ClaimedJob]) -> set[UUID]:
        """Renew the leases of jobs. Returns the ids of the jobs that were not lost."""
        rows = await self._pool.run(lambda connection: connection.fetch(_RENEW, *_keys(jobs), LEASE))
        return {row["id"] for row in rows}

    async def release(self, jobs: Sequence[ClaimedJob]) -> None:
        """Make unfinished jobs ready, so that other workers claim them immediately."""
        await self._pool.run(lambda connection: connection.execute(_RELEASE, *_keys(jobs)))

    async def stage(self) -> int:
        """Make jobs ready that are due or whose lease has expired, at most `MAX_BATCH_ROWS` of each. Returns their number."""

        async def both(connection: Connection) -> int:
            return sum([int((await connection.execute(statement)).split()[1]) for statement in (_STAGE, _RESCUE)])

        return await self._pool.run(both)


async def fetch_by_index(connection: Connection, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """Return the rows of a statement that is planned to use indexes, in their order."""
    await connection.execute(_BY_INDEX)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
        await connection.execute("commit")
    except asyncpg.PostgresError:
        await connection.execute("rollback")
        raise
    return rows


def _keys(jobs: Sequence[ClaimedJob]) -> tuple[list[UUID], list[UUID], list[int]]:
    return [job.tenant_id or NO_TENANT for job in jobs], [job.id for job in jobs], [job.attempt for job in jobs]


def known(id: UUID) -> UUID | None:
    """Return None for the nil UUID, which stands for no tenant and for no user."""
    return None if id == NO_TENANT else id


_claimed: Final = restored(ClaimedJob, tenant_id=known, payload=str.encode)


class JobStager:
    """Makes jobs ready: those that are due, and those whose worker has stopped renewing its lease. `notify` wakes the workers."""

    def __init__(self, store: SqlJobStore, notify: Callable[[], None]) -> None:
        self._store, self._notify = store, notify

    async def run(self) -> bool:
        """Make one batch ready. Returns whether there may be more."""
        staged = await self._store.stage()
        if staged:
            self._notify()
        return staged >= MAX_BATCH_ROWS
