"""`api-base serve` as a process: all parts start and end together, and stored data survives."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project, printed_login
from tests.e2e.processes import Backend, alive, children, free_port, one_sentence, postmaster, run, serving, until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_and_the_exit_code_is_0(project: Project, number: signal.Signals) -> None:
    with serving(project.home) as backend:
        backend.ready()
        until(lambda: backend.child("worker"), "a worker")
        family = backend.family()
        assert len(family) == 4  # supervisor, server, worker, PostgreSQL
        assert backend.end(number) == 0
        assert not [pid for pid in family if alive(pid)]
    assert "Traceback" not in backend.output
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", backend.port)) != 0


def test_a_signal_during_the_start_ends_everything_as_well(project: Project) -> None:
    with serving(project.home) as backend:
        until(lambda: children(backend.process.pid), "a first child")
        family = backend.family()
        assert backend.end(signal.SIGTERM) == 0
        until(lambda: not any(alive(pid) for pid in family), "the end of all processes", 5)
    assert "Traceback" not in backend.output


def test_kill_9_takes_everything_along_and_the_next_start_finds_the_data(project: Project) -> None:
    item = {"sku": "KEPT", "name": "Chair", "category": "furniture"}
    with serving(project.home) as backend:
        token = project.log_in(backend.ready())
        status, created = backend.request("POST", "/api/v1/items", item, token)
        assert status == 201
        family = backend.family()
        backend.end(signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in family), "the end of all processes", 30)
    with serving(project.home) as backend:
        token = project.log_in(backend.ready())
        status, found = backend.request("GET", f"/api/v1/items/{created['id']}", None, token)
        assert (status, found["sku"]) == (200, "KEPT")
        assert project.email not in backend.output  # a first run is announced once


def test_a_port_in_use_is_reported_in_one_sentence(project: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = one_sentence(run(project.home, "serve", "--port", str(port)))
    assert str(port) in said
    assert "--port" in said


def test_a_second_serve_attaches_and_leaves_the_database_to_its_owner(project: Project) -> None:
    with serving(project.home) as first:
        first.ready()
        server = postmaster(project.home)
        with serving(project.home) as second:
            assert project.log_in(second.ready())
            assert postmaster(project.home) == server
            assert second.end(signal.SIGTERM) == 0
        assert alive(server)
        assert project.log_in(first)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_second_serve_continues_when_the_owner_of_the_database_ends(project: Project, number: signal.Signals) -> None:
    with serving(project.home, "--no-worker") as first, serving_second(first, project) as second:
        before = postmaster(project.home)
        first.end(number)
        until(lambda: "was started again" in second.output, "the database's second start")
        assert postmaster(project.home) != before
        until(lambda: second.request("GET", "/health/ready")[0] == 200, "a ready server")
        assert project.log_in(second)


@contextmanager
def serving_second(first: Backend, project: Project) -> Iterator[Backend]:
    first.ready()
    with serving(project.home, "--no-worker") as second:
        yield second.ready()


def test_a_first_run_with_several_processes_makes_one_administrator(home: Path) -> None:
    with serving(home, "--workers", "4", "--no-worker") as backend:
        backend.ready()
        assert printed_login(home, backend).log_in(backend)


def test_a_strict_umask_and_a_folder_with_spaces_and_umlauts_do_not_matter(home: Path) -> None:
    folder = home / "Müllers Läden"
    folder.mkdir()
    try:
        with serving(folder, umask=0o077, LANG="C") as backend:
            assert backend.ready().request("GET", "/health/ready")[0] == 200
            assert backend.end(signal.SIGTERM) == 0
    finally:
        outside = folder / ".api-base/postgres/location"  # root's data lies elsewhere where the database's user may not enter the folder
        if outside.exists():
            shutil.rmtree(outside.read_text().strip())


def test_a_dead_worker_is_started_again(project: Project) -> None:
    with serving(project.home) as backend:
        backend.ready()
        before = until(lambda: backend.child("worker"), "a worker")
        subprocess.run(["kill", "-9", str(before)], check=True)
        until(lambda: backend.child("worker") not in (None, before), "another worker")
        assert backend.answers()


def test_a_dead_server_process_is_replaced(project: Project) -> None:
    with serving(project.home) as backend:
        backend.ready()
        before = backend.child("server_process")
        subprocess.run(["kill", "-9", str(before)], check=True)
        until(lambda: backend.child("server_process") not in (None, before), "another server process")
        assert backend.answers()
        assert "a server process ended with code -9; starting another one" in backend.output
        assert backend.end(signal.SIGTERM) == 0


def test_several_server_processes_share_the_port(project: Project) -> None:
    with serving(project.home, "--workers", "2", "--no-worker") as backend:
        backend.ready()
        processes = [pid for pid, command in children(backend.process.pid).items() if "server_process" in command]
        assert len(processes) == 2
        assert backend.child("cli worker") is None
        assert backend.end(signal.SIGTERM) == 0
        assert not [pid for pid in processes if alive(pid)]


def test_all_configuration_errors_are_reported_before_anything_starts(project: Project) -> None:
    done = run(project.home, "serve", SERVER__PORT="0", DATABASE__POOL_SIZE="many")
    assert done.returncode == 2
    assert "SERVER__PORT" in done.stderr
    assert "DATABASE__POOL_SIZE" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_of_another_version_is_reported_in_one_sentence_and_not_changed(project: Project) -> None:
    version = project.home / ".api-base/postgres/data/PG_VERSION"
    before = version.read_text()
    version.write_text("15\n")
    try:
        said = one_sentence(run(project.home, "serve", "--port", str(free_port())))
        assert version.read_text() == "15\n"
    finally:
        version.write_text(before)
    assert "15" in said
    assert str(version.parent) in said


def test_an_unreachable_database_is_reported_in_one_sentence(project: Project) -> None:
    url = f"postgresql://app:x@127.0.0.1:{free_port()}/api_base"
    done = run(project.home, "serve", "--port", str(free_port()), "--no-worker", DATABASE__URL=url)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_role_to_which_policies_do_not_apply_is_refused_in_one_sentence(project: Project) -> None:
    with serving(project.home, "--no-worker") as owner:
        owner.ready()
        url = EmbeddedServer(project.home / ".api-base/postgres").administrator_url()
        done = run(project.home, "serve", "--port", str(free_port()), "--no-worker", DATABASE__URL=url)
    assert done.returncode == 2
    assert "superuser" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
