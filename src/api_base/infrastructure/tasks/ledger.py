"""What the unit of work of a job writes of it; and how far it is. As the role `app`."""

from typing import Any, Final
from uuid import UUID

from api_base.core.errors import JobLost
from api_base.core.protocols.jobs import JobState
from api_base.core.types import Err, RunningJob, current_context
from api_base.infrastructure.db.pool import Connection
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.tasks.messages import encode_result
from api_base.infrastructure.tasks.tables import NO_TENANT

_SETTLE: Final = """
update jobs set state = $4, result = $5::text::jsonb, error = $6, progress = case when $4 = 'succeeded' then 100 else progress end, leased_until = null, finished_at = now(),
    expires_at = case when $4 = 'dead' then null else now() + $7::int * interval '1 day' end
where tenant_id = $1 and id = $2 and state = 'running' and attempts = $3
"""
_PROGRESS: Final = "update jobs set progress = $4 where tenant_id = $1 and id = $2 and state = 'running' and attempts = $3"


class SqlJobLedger:
    """Implements `JobLedger` and `JobProgress`. What succeeded is kept for `keep_days`."""

    def __init__(self, database: Database, keep_days: int) -> None:
        self._database, self._keep_days = database, keep_days

    def settle(self, job: RunningJob, result: object) -> bool:
        unit = open_unit()
        if unit.untouched():
            return False
        unit.sender(_Settled, lambda: _Settled(job)).rows.append((*_outcome(result), self._keep_days))
        return True

    async def report(self, percent: int) -> None:
        context = current_context.get(None)
        if context is not None and context.job is not None:
            await self._report(context.job, percent)

    async def _report(self, job: RunningJob, percent: int) -> None:
        tenant = job.tenant_id or NO_TENANT

        async def update(connection: Connection) -> str:
            async with connection.transaction():
                await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
                status: str = await connection.execute(_PROGRESS, tenant, job.id, job.attempt, max(0, min(percent, 100)))
                return status

        if await self._database.pool.run(update) != "UPDATE 1":
            raise JobLost(job.id)


def _outcome(result: object) -> tuple[JobState, str | None, str | None]:
    if isinstance(result, Err):
        return JobState.DEAD, None, f"{type(result.error).__name__}: {result.error}"[:1000]
    return JobState.SUCCEEDED, encode_result(result), None


class _Settled:
    """Implements `Sender`."""

    alone = False

    def __init__(self, job: RunningJob) -> None:
        self.rows: list[Any] = []
        self.tenant: UUID = job.tenant_id or NO_TENANT
        self._job = job

    async def send(self, connection: Connection) -> None:
        if await connection.execute(_SETTLE, self.tenant, self._job.id, self._job.attempt, *self.rows[-1]) != "UPDATE 1":
            raise JobLost(self._job.id)

    def committed(self) -> None:
        """Nobody waits for it."""
