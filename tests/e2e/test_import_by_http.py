"""A file imported over HTTP while workers are killed: every row counts once, and a cancelled import stops."""

import csv
import io
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, rows, serving, until, working
from tests.e2e.test_import import kept, rows_of

ROWS = 17_000
REFUSED = ROWS // 10
"""Every tenth row has no category; the last row repeats the first."""


class Importing:
    def __init__(self, project: Project, backend: Backend) -> None:
        self.project, self.backend = project, backend
        self.token = self.in_tenant(project.log_in(backend))

    def in_tenant(self, token: str) -> str:
        status, page = self.backend.request("GET", "/api/v1/tenants", token=token)
        assert status == 200
        demo = next(one["id"] for one in page["items"] if one["slug"] == "demo")
        status, switched = self.backend.request("POST", f"/api/v1/tenants/{demo}/switch", token=token)
        assert status == 200, switched
        switched_token: str = switched["access_token"]
        return switched_token

    def start(self, prefix: str, count: int = ROWS) -> str:
        """The location of the job. The request is sent twice with one key and creates one job."""
        file = io.StringIO()
        writer = csv.DictWriter(file, ["sku", "name", "category"])
        writer.writeheader()
        writer.writerows(rows_of(prefix, count))
        sent = {"file_id": self.backend.upload(file.getvalue().encode(), self.token)}
        for _ in range(2):
            status, response_headers, body = self.backend.exchange(
                "POST", "/api/v1/items/imports", sent, self.token, {"Idempotency-Key": f"import-{prefix}"}
            )
            assert status == 202, body
        location: str = response_headers["Location"]
        assert location == f"/api/v1/jobs/{body['job_id']}"
        return location

    def job(self, location: str) -> Any:
        status, job = self.backend.request("GET", location, token=self.token)
        assert status == 200, job
        return job

    def begun(self, location: str) -> None:
        until(lambda: self.job(location)["progress"] > 0, "the first chunk")

    def done(self, location: str) -> Any:
        until(lambda: self.job(location)["state"] not in ("queued", "running"), "the end of the job", 120)
        return self.job(location)


@pytest.fixture(scope="module")
def importing(project: Project) -> Iterator[Importing]:
    with serving(project.home, "--no-worker", RATE_LIMIT__REQUESTS="1000000", RATE_LIMIT__BURST="1000000") as backend:
        yield Importing(project, backend.ready())


@pytest.mark.slow
def test_another_worker_continues_the_import_of_a_killed_one(importing: Importing) -> None:
    home = importing.project.home
    location = importing.start("KILLED")
    with working(home, "--only", "jobs") as first:
        importing.begun(location)
        first.end(signal.SIGKILL)
    left = importing.job(location)
    assert (left["state"], left["progress"] < 99, left["result"]) == ("running", True, None)
    with working(home, "--only", "jobs"):
        job = importing.done(location)
    result = {name: count for name, count in job["result"].items() if name != "refused_rows"}
    created = ROWS - REFUSED
    assert (job["state"], job["progress"]) == ("succeeded", 100)
    assert result == {"rows": ROWS, "created": created, "updated": 0, "unchanged": 0, "refused": REFUSED}
    assert len(job["result"]["refused_rows"]) == 1000
    assert kept(home, "KILLED") == (created, created, created), "each item once, with one record"
    assert rows(home, "select count(file_id) from imports") == [["0"]]


@pytest.mark.slow
def test_a_cancelled_import_stops(importing: Importing) -> None:
    home = importing.project.home
    location = importing.start("CANCELLED")
    with working(home, "--only", "jobs"):
        importing.begun(location)
        assert importing.backend.request("DELETE", location, token=importing.token)[0] == 204
        then = kept(home, "CANCELLED")
        assert importing.job(location)["state"] == "cancelled"
        assert importing.done(importing.start("AFTER", 20))["state"] == "succeeded"
        assert 0 < kept(home, "CANCELLED")[0] == then[0] < ROWS - REFUSED
        status, problem = importing.backend.request("DELETE", location, token=importing.token)
        assert (status, problem["detail"]) == (409, "The job is already cancelled, so it cannot be cancelled.")


@pytest.mark.slow
def test_after_a_kill_results_remain_and_a_cancellation_is_final(importing: Importing) -> None:
    """A server and the worker are killed: another server shows the results, and cancels the job that no worker runs."""
    home = importing.project.home
    finished, broken_off = importing.start("RESULT", 20), importing.start("CUT")
    with serving(home, "--no-worker") as other, working(home, "--only", "jobs") as worker:
        other.ready()
        finished_job = importing.done(finished)
        importing.begun(broken_off)
        for process in (other, worker):
            process.end(signal.SIGKILL)
        assert importing.job(finished) == finished_job
        assert finished_job["result"]["created"] == 18
        assert importing.job(broken_off)["state"] == "running"
        assert importing.backend.request("DELETE", broken_off, token=importing.token)[0] == 204
        assert importing.job(broken_off)["state"] == "cancelled"
    then = kept(home, "CUT")
    with working(home, "--only", "jobs"):
        assert importing.done(importing.start("NEXT", 20))["state"] == "succeeded"
    assert importing.job(broken_off)["state"] == "cancelled"
    assert 0 < kept(home, "CUT")[0] == then[0] < ROWS - REFUSED
