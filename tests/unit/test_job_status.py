"""What a user sees of a job: each state has a status, and each change another version."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api_base.application.jobs.dtos import JobDTO, JobStatus
from api_base.core.protocols import JobState
from api_base.infrastructure.tasks.queries import to_dto

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROW = {
    "id": UUID(int=1), "name": "shop.prices", "state": "waiting", "progress": 0, "result": None, "public_error": None, "request_id": "r-1",
    "created_at": NOW, "started_at": None, "finished_at": None, "attempts": 0,
}  # fmt: skip
STATUS = {
    JobState.WAITING: JobStatus.QUEUED,
    JobState.READY: JobStatus.QUEUED,
    JobState.RUNNING: JobStatus.RUNNING,
    JobState.SUCCEEDED: JobStatus.SUCCEEDED,
    JobState.DEAD: JobStatus.FAILED,
    JobState.CANCELLED: JobStatus.CANCELLED,
}


def shown(**changes: Any) -> JobDTO:
    row: Any = ROW | changes
    return to_dto(row)


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_its_status(state: JobState) -> None:
    assert shown(state=state.value).state is STATUS[state]


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize(("public", "text"), [("The sku is taken.", "The sku is taken."), (None, "request id r-1")])
def test_only_a_failed_job_has_an_error_and_never_an_internal_one(state: JobState, public: str | None, text: str) -> None:
    error = shown(state=state.value, public_error=public).error
    if state is JobState.DEAD:
        assert error is not None
        assert text in error
    else:
        assert error is None


def test_each_change_has_a_later_version() -> None:
    course = [
        {"state": "waiting"},
        {"state": "ready"},
        {"state": "running", "attempts": 1},
        {"state": "running", "attempts": 1, "progress": 1},
        {"state": "running", "attempts": 1, "progress": 100},
        {"state": "succeeded", "attempts": 1, "progress": 100},
        {"state": "running", "attempts": 2, "progress": 0},
    ]
    versions = [shown(**step).version for step in course]
    assert versions == sorted(set(versions))
    assert versions[0] == 1


def test_a_result_is_read_from_its_json() -> None:
    assert shown(state="succeeded", result='{"imported": 2}').result == {"imported": 2}
    assert shown(state="succeeded").result is None
