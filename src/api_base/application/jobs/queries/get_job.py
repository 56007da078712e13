"""One job of the caller's own."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.jobs.dtos import JobDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class GetJob(Query[JobDTO]):
    """Whoever began it sees it, in the tenant for which they did."""

    permission: ClassVar[str] = AUTHENTICATED
    id: UUID
