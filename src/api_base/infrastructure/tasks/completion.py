"""Progress, outcome and cancellation of a job, written by the open unit of work as the role `app`."""

from typing import Any, ClassVar, Final
from uuid import UUID

from api_base.application.common.jobs.runner import MAX_ERROR_LENGTH
from api_base.core.errors import JobLost
from api_base.core.protocols import ENDED, JobCancellation, JobCompletion, JobProgress, JobState
from api_base.core.types import NO_TENANT, Err, Ok, RunningJob, TenantId, UserId
from api_base.infrastructure.db.changes import AuditWriter, PendingWrite
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.serialization.json_codec import encode

_SETTLE: Final = """
update jobs set state = $4, result = $5::text::jsonb, error = $6, public_error = $7, progress = case when $4 = 'succeeded' then 100 else progress end, leased_until = null, finished_at = now(),
    expires_at = case when $4 = 'dead' then null else now() + $8::int * interval '1 day' end
where tenant_id = $1 and id = $2 and state = 'running' and attempts = $3
"""
_PROGRESS: Final = "update jobs set progress = $4 where tenant_id = $1 and id = $2 and state = 'running' and attempts = $3"

CHANNEL: Final = "jobs_cancelled"
"""NOTIFY channel: a running job may be cancelled. Sent in the transaction, because cancelling is rare."""

CANCEL: Final = """
update jobs set state = 'cancelled', leased_until = null, finished_at = now(), expires_at = now() + $1::int * interval '1 day'
where tenant_id = $2 and id = $3
"""
NOTIFY_CANCELLED: Final = f"select pg_notify('{CHANNEL}', '')"
_LOCK: Final = "select state from jobs where tenant_id = $1 and id = $2 and user_id = $3 for update"


class SqlJobCompletion(JobCompletion, JobProgress):
    """Succeeded jobs are kept for `keep_days`."""

    def __init__(self, keep_days: int) -> None:
        self._keep_days = keep_days

    def settle(self, job: RunningJob, result: object) -> bool:
        unit = open_unit()
        if unit.untouched():
            return False
        unit.sender(_OutcomeWrite, lambda: _OutcomeWrite(job)).rows.append((*_outcome(result), self._keep_days))
        return True

    def advance(self, percent: int) -> None:
        unit = open_unit()
        job = unit.origin
        if isinstance(job, RunningJob):
            unit.sender(_ProgressWrite, lambda: _ProgressWrite(job)).rows.append((max(0, min(percent, 100)),))


def result_json(result: object) -> str | None:
    """Return the JSON of a result for the row of the job: of the value of an `Ok`, or of the result itself. None for no result."""
    value = result.value if isinstance(result, Ok) else result
    return None if value is None else encode(value).decode()


def _outcome(result: object) -> tuple[JobState, str | None, str | None, str | None]:
    if isinstance(result, Err):
        return (
            JobState.DEAD,
            None,
            f"{type(result.error).__name__}: {result.error}"[:MAX_ERROR_LENGTH],
            str(result.error)[:MAX_ERROR_LENGTH],
        )
    return JobState.SUCCEEDED, result_json(result), None, None


class _JobWrite(PendingWrite):
    """Updates the current job, as long as this worker owns it."""

    alone = False
    statement: ClassVar[str]

    def __init__(self, job: RunningJob) -> None:
        self.rows: list[Any] = []
        self.tenant: UUID = job.tenant_id or NO_TENANT
        self._job = job

    async def send(self, connection: Connection) -> None:
        if await connection.execute(self.statement, self.tenant, self._job.id, self._job.attempt, *self.rows[-1]) != "UPDATE 1":
            raise JobLost(self._job.id)

    def committed(self) -> None:
        """Nothing waits for it."""


class _ProgressWrite(_JobWrite):
    statement = _PROGRESS


class _OutcomeWrite(_JobWrite):
    statement = _SETTLE


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
