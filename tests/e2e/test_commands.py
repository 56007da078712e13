"""Commands beside a running backend attach to its database; alone they start one for as long as they last."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, Backend, alive, environment, one_sentence, postmaster, run, serving, until
from tests.isolation import start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(project: Project) -> Iterator[Backend]:
    with serving(project.home, "--no-worker") as backend:
        yield backend.ready()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("doctor",), "ok"),
        (("migrate", "status"), "items"),
        (("migrate", "up"), "Nothing to do."),
    ],
)
def test_a_command_attaches(running: Backend, project: Project, arguments: tuple[str, ...], shown: str) -> None:
    server = postmaster(project.home)
    done = run(project.home, *arguments)
    assert done.returncode == 0, done
    assert shown in done.stdout
    assert postmaster(project.home) == server
    assert alive(server)


def test_psql_attaches_and_sees_every_tenant(running: Backend, project: Project) -> None:
    done = run(project.home, "db", "shell", stdin="select count(*) >= 1 as found from tenants;\n")
    assert done.returncode == 0, done
    assert " t" in done.stdout


def test_a_worker_of_its_own_attaches_and_ends_on_sigterm(running: Backend, project: Project) -> None:
    log = project.home / "worker-output"
    with log.open("wb") as output:
        worker = start([*COMMAND, "worker"], cwd=project.home, env=environment(), stdout=output)
    try:
        until(lambda: "worker_started" in log.read_text() or worker.poll() is not None, "a started worker")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, log.read_text()
    finally:
        worker.kill()
        worker.wait()
    assert running.answers()


def test_doctor_names_what_is_wrong_and_no_secret(running: Backend, project: Project) -> None:
    url = "postgresql://app:very-secret@127.0.0.1:1/api_base"
    done = run(project.home, "doctor", DATABASE__URL=url)
    assert done.returncode == 1
    assert "cannot" in done.stdout + done.stderr
    assert "very-secret" not in done.stdout + done.stderr
    assert "SERVER__PORT=8000" in done.stdout


def test_doctor_states_that_nothing_is_scanned_and_checks_a_scanner(running: Backend, project: Project) -> None:
    assert "files are not searched for malware; SCANNER__URL selects a scanner" in run(project.home, "doctor").stdout
    done = run(project.home, "doctor", SCANNER__URL="clamav://127.0.0.1:1")
    assert done.returncode == 1
    assert "The scanner cannot be used." in done.stdout
    assert "not searched" not in done.stdout


def test_doctor_checks_the_mail_server(running: Backend, project: Project) -> None:
    done = run(project.home, "doctor", MAIL__URL="smtp://ana:very-secret@127.0.0.1:1")
    assert (done.returncode, "The mail server cannot be used. (127.0.0.1:1: SMTPConnectError" in done.stdout) == (1, True), done
    assert "very-secret" not in done.stdout + done.stderr


def test_the_openapi_document_is_printed_sorted_and_needs_no_database(home: Path) -> None:
    done = run(home, "openapi")
    assert done.returncode == 0, done
    document = json.loads(done.stdout)
    assert list(document) == sorted(document)
    assert "/api/v2/items" in document["paths"]
    assert not (home / ".api-base/postgres").exists()


def test_a_file_that_is_not_a_dump_is_refused_and_changes_nothing(project: Project) -> None:
    (project.home / "no.dump").write_text("not a dump")
    assert run(project.home, "db", "restore", "no.dump").returncode == 1
    done = run(project.home, "db", "shell", stdin="select count(*) >= 1 as found from tenants;\n")
    assert " t" in done.stdout


def test_an_unwritable_data_directory_is_reported_in_one_sentence(home: Path) -> None:
    (home / "file").write_text("")
    said = one_sentence(run(home, "migrate", "status", DATABASE__DATA_DIR=str(home / "file" / "below")))
    assert "DATABASE__DATA_DIR" in said
