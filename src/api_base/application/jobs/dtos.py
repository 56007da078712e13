"""DTOs of jobs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class JobStatus(StrEnum):
    """QUEUED waits for its scheduled time, a worker or another attempt. SUCCEEDED, FAILED and CANCELLED are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDTO:
    """`progress` is in percent. `result` is the result of a successful job, in the form of its kind; `error` says why a job failed,
    `refused` whether that is a reason that its user can mend; an internal error is not.

    `version` changes with every other field. `started_at` is the start of the last attempt.
    """

    id: UUID
    name: str
    state: JobStatus
    progress: int
    result: Any | None
    error: str | None
    refused: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    version: int
