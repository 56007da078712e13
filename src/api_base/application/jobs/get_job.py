"""Read the caller's jobs. The handlers are adapters: infrastructure/tasks/queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.jobs.dtos import JobDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class GetJob(Query[JobDTO]):
    """Visible to the user who started the job, in the tenant in which it was started."""

    permission = AUTHENTICATED
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetJobsByIds(Query[Sequence[JobDTO]]):
    """Those of the jobs that `GetJob` shows, in any order."""

    permission = AUTHENTICATED
    ids: tuple[UUID, ...]
