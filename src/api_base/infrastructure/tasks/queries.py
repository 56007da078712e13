"""Queries of jobs, for the users who started them."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.jobs.dtos import JobDTO, JobStatus
from api_base.application.jobs.get_job import GetJob, GetJobsByIds
from api_base.core.errors import NotFound
from api_base.core.protocols import JobState
from api_base.core.types import NO_TENANT, current_context, request_user
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.serialization.json_codec import decode
from api_base.infrastructure.tasks.tables import JOBS

_STATUS: Final = {
    JobState.WAITING: JobStatus.QUEUED,
    JobState.READY: JobStatus.QUEUED,
    JobState.RUNNING: JobStatus.RUNNING,
    JobState.SUCCEEDED: JobStatus.SUCCEEDED,
    JobState.DEAD: JobStatus.FAILED,
    JobState.CANCELLED: JobStatus.CANCELLED,
}
_ORDER: Final = list(JobState)


def to_dto(row: Row) -> JobDTO:
    state = JobState(row["state"])
    return JobDTO(
        id=row["id"],
        name=row["name"],
        state=_STATUS[state],
        progress=row["progress"],
        result=None if row["result"] is None else decode(row["result"]),
        error=_error(row) if state is JobState.DEAD else None,
        refused=state is JobState.DEAD and row["public_error"] is not None,
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        version=((row["attempts"] * len(_ORDER)) + _ORDER.index(state)) * 101 + row["progress"] + 1,
    )


def _error(row: Row) -> str:
    """Return the text of a refusal. An internal error is not shown."""
    public_error: str | None = row["public_error"]
    return public_error or f"The job failed. The error was recorded under the request id {row['request_id']}."


class GetJobHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        mine = JOBS.c.user_id == sa.bindparam("user_id", type_=sa.Uuid)
        self._statement = Statement(sa.select(JOBS).where(owned(JOBS), JOBS.c.id == sa.bindparam("id", type_=sa.Uuid), mine))

    async def handle(self, query: GetJob) -> JobDTO:
        """Return the job. Raises `NotFound`, also for jobs of other users."""
        tenant = current_context.get().tenant_id or NO_TENANT
        row = await self._database.fetchrow(self._statement, tenant, id=query.id, user_id=request_user())
        if row is None:
            raise NotFound("job", query.id)
        return to_dto(row)


class GetJobsByIdsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        named = JOBS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        mine = JOBS.c.user_id == sa.bindparam("user_id", type_=sa.Uuid)
        self._statement = Statement(sa.select(JOBS).where(owned(JOBS), named, mine))

    async def handle(self, query: GetJobsByIds) -> Sequence[JobDTO]:
        tenant = current_context.get().tenant_id or NO_TENANT
        return [to_dto(row) for row in await self._database.fetch(self._statement, tenant, ids=list(query.ids), user_id=request_user())]
