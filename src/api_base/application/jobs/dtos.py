"""What the outside sees of a job."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class JobStatus(StrEnum):
    """QUEUED is for its time, for a worker, or for another attempt. The last three have ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDTO:
    """`progress` is in percent. `result` is what a job that succeeded has to say, in the form of its kind; `error` why one has failed.

    `version` is another whenever anything else here is. `started_at` is the beginning of the last attempt.
    """

    id: UUID
    name: str
    state: JobStatus
    progress: int
    result: Any | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    version: int
