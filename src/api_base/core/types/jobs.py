"""The job that a worker carries out at this moment."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.types.ids import TenantId


@dataclass(slots=True, kw_only=True)
class RunningJob:
    """`attempt` counts from 1: with the id it tells this execution from those of other workers before and after it.

    `tenant_id` None is a job that belongs to no tenant. `command` is what carries the job out, `settled` whether its unit of work
    has written what became of it.
    """

    id: UUID
    tenant_id: TenantId | None
    attempt: int
    command: object
    settled: bool = False
