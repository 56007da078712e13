"""Read one of the caller's jobs. The handler is an adapter: infrastructure/tasks/queries.py."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.jobs.dtos import JobDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class GetJob(Query[JobDTO]):
    """Visible to the user who started the job, in the tenant in which it was started."""

    permission = AUTHENTICATED
    id: UUID
