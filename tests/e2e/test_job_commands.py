"""`api-base jobs` beside a running backend: list, show, retry and cancel."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, one_sentence, rows, run, serving, until, working

pytestmark = pytest.mark.slow

UNKNOWN = "01900000-0000-7000-8000-000000000001"
FAIL = "update jobs set state = 'dead', attempts = 10, error = 'RuntimeError: no', finished_at = now() where id = '{id}';\n"


@dataclass(frozen=True)
class Office:
    project: Project
    backend: Backend
    token: str

    def began(self, sku: str) -> str:
        """Create a job, which no worker runs, and return its id."""
        content = f"sku,name,category\n{sku},Chair,furniture\n".encode()
        file = self.backend.upload(content, self.token)
        status, body = self.backend.request("POST", "/api/v1/items/imports", {"file_id": file}, token=self.token)
        assert status == 202, body
        id: str = body["job_id"]
        return id

    def state(self, id: str) -> str:
        state: str = self.backend.request("GET", f"/api/v1/jobs/{id}", token=self.token)[1]["state"]
        return state

    def jobs(self, *arguments: str) -> tuple[int, str]:
        done = run(self.project.home, "jobs", *arguments)
        assert done.stderr == "", done
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def office(project: Project) -> Iterator[Office]:
    with serving(project.home, "--no-worker", **UNLIMITED) as backend:
        yield Office(project, backend.ready(), project.log_in(backend))


def test_waiting_jobs_are_listed_and_shown(office: Office) -> None:
    first, second = office.began("A"), office.began("B")
    code, printed = office.jobs("list", "--name", "items.import")
    lines = printed.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines[-2:]] == [first, second]
    assert lines[-1].endswith("ready        0 %  items.import")
    assert office.jobs("list", "--state", "ready", "--limit", "1")[1] == lines[-1] + "\n"
    assert office.jobs("list", "--state", "running") == (0, "")
    assert office.jobs("list", "--tenant", UNKNOWN) == (0, "")
    code, printed = office.jobs("show", first)
    shown = json.loads(printed)
    assert (code, shown["id"], shown["name"], shown["state"]) == (0, first, "items.import", "ready")
    assert (shown["payload"].keys(), shown["payload"]["version"]) == ({"import_id", "version"}, None)


def test_a_cancelled_job_can_be_retried(office: Office) -> None:
    id = office.began("CANCELLED")
    assert office.jobs("cancel", id) == (0, f"The job {id} is cancelled.\n")
    assert office.state(id) == "cancelled"
    assert "is cancelled already and cannot be cancelled" in one_sentence(run(office.project.home, "jobs", "cancel", id))
    assert office.jobs("retry", id) == (0, f"The job {id} will be tried again.\n")
    assert office.state(id) == "queued"
    assert "is ready. Only dead and cancelled jobs can be retried." in one_sentence(run(office.project.home, "jobs", "retry", id))


def test_dead_jobs_are_listed_until_they_are_retried(office: Office) -> None:
    id = office.began("DEAD")
    assert office.jobs("dead") == (0, "")
    rows(office.project.home, FAIL.format(id=id))
    code, printed = office.jobs("dead")
    assert (code, printed.split()[0]) == (1, id)
    assert printed.endswith("items.import: 10 attempts: RuntimeError: no\n")
    assert office.state(id) == "failed"
    assert office.jobs("retry", id)[0] == 0
    with working(office.project.home, "--only", "jobs"):
        until(lambda: office.state(id) == "succeeded", "its success")
    assert office.jobs("dead") == (0, "")


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
def test_an_unknown_job_is_reported_in_one_sentence(office: Office, command: str) -> None:
    assert f"No job with the id {UNKNOWN} exists." in one_sentence(run(office.project.home, "jobs", command, UNKNOWN))
