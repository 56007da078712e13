"""Cancels jobs: the row changes immediately, after which no transaction of a worker can commit for the job, and workers stop running it."""

from typing import Final
from uuid import UUID

from api_base.core.protocols import ENDED, JobCancellation, JobState
from api_base.core.types import NO_TENANT, TenantId, UserId
from api_base.infrastructure.db.changes import AuditWriter
from api_base.infrastructure.db.pool import Connection
from api_base.infrastructure.db.unit_of_work import open_unit

CHANNEL: Final = "jobs_cancelled"
"""NOTIFY channel: a running job may be cancelled. Sent in the transaction, because cancelling is rare."""

CANCEL: Final = """
update jobs set state = 'cancelled', leased_until = null, finished_at = now(), expires_at = now() + $1::int * interval '1 day'
where tenant_id = $2 and id = $3
"""
NOTIFY_CANCELLED: Final = f"select pg_notify('{CHANNEL}', '')"
_LOCK: Final = "select state from jobs where tenant_id = $1 and id = $2 and user_id = $3 for update"


class SqlJobCancellation(JobCancellation):
    """Cancelled jobs are kept for `keep_days`."""

    def __init__(self, keep_days: int, audit: AuditWriter) -> None:
        self._keep_days, self._audit = keep_days, audit

    async def cancel(self, id: UUID, user_id: UserId, tenant_id: TenantId | None) -> JobState | None:
        tenant = tenant_id or NO_TENANT

        async def send(connection: Connection) -> JobState | None:
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
            found = await connection.fetchval(_LOCK, tenant, id, user_id)
            if found is None:
                return None
            state = JobState(found)
            if state not in ENDED:
                await connection.execute(CANCEL, self._keep_days, tenant, id)
                await connection.execute(NOTIFY_CANCELLED)
                changed = (_state(state), _state(JobState.CANCELLED))
                await self._audit.note(connection, tenant, "job", "cancelled", id, changed)
            return state

        return await open_unit().run(send)


def _state(state: JobState) -> str:
    return f'{{"state":"{state}"}}'
