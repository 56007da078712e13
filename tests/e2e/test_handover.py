"""Server processes replaced under load on one listening socket: every client of `busy_clients` gets a valid response to every request."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.busy_clients import Results, busy
from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, Backend, alive, rows, serving, until

HANDOVERS = int(os.environ.get("HANDOVERS", "2"))
KEPT, SINGLE = 4, 3
SETTINGS = {"RATE_LIMIT__REQUESTS": "1000000", "RATE_LIMIT__BURST": "1000000"}


class Parent:
    """Acts as systemd: owns the listening socket and receives the notifications of the service."""

    def __init__(self, home: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notifications.settimeout(PATIENCE)
        self.address = str(home / "notify")
        self._notifications.bind(self.address)

    def wait_for(self, state: str) -> None:
        while state not in self._notifications.recv(1024).decode().splitlines():
            pass

    def close(self) -> None:
        self.listener.close()
        self._notifications.close()
        Path(self.address).unlink()


@contextmanager
def parent(home: Path) -> Iterator[Parent]:
    """A `Parent`, with the database running separately as in production."""
    database = EmbeddedServer(home / ".api-base/postgres")
    database.start()
    one = Parent(home)
    try:
        yield one
    finally:
        one.close()
        database.stop()


def whole(home: Path, results: Results, handovers: int) -> None:
    """Assert that no request failed, exactly the acknowledged items are stored, and the clients were active all the time."""
    assert results.failed == []
    assert sorted(sku for (sku,) in rows(home, f"select sku from items where sku like '%-{results.port}-%'")) == sorted(results.created)
    assert results.closed >= handovers * KEPT
    assert results.answers > handovers * (KEPT + SINGLE)


@pytest.mark.slow
def test_sighup_replaces_the_processes_and_no_request_fails(project: Project) -> None:
    home = project.home
    with parent(home) as systemd, serving(home, "--workers", "2", NOTIFY_SOCKET=systemd.address, **SETTINGS) as backend:
        systemd.wait_for("READY=1")
        worker = until(lambda: backend.child("cli worker"), "a worker")
        with busy(backend.port, project.log_in(backend), KEPT, SINGLE) as results:
            for _ in range(HANDOVERS):
                before = backend.server_processes()
                backend.process.send_signal(signal.SIGHUP)
                systemd.wait_for("RELOADING=1")
                systemd.wait_for("READY=1")
                until(lambda before=before: not any(alive(pid) for pid in before), "the end of the old processes")
                assert len(backend.server_processes()) == 2
        whole(home, results, HANDOVERS)
        assert until(lambda: backend.child("cli worker"), "a worker") != worker
        assert backend.end(signal.SIGTERM) == 0
    assert "Traceback" not in backend.output
    assert "ended with code" not in backend.output


@pytest.mark.slow
def test_a_second_process_takes_over_the_socket_at_sigterm_and_no_request_fails(project: Project) -> None:
    home = project.home
    with parent(home) as systemd, ExitStack() as stack:

        def service() -> Backend:
            one = serving(home, "--no-worker", listener=systemd.listener, NOTIFY_SOCKET=systemd.address, **SETTINGS)
            backend = stack.enter_context(one)
            systemd.wait_for("READY=1")
            return backend

        backend = service()
        with busy(backend.port, project.log_in(backend), KEPT, SINGLE) as results:
            for _ in range(HANDOVERS):
                old, backend = backend, service()
                assert old.end(signal.SIGTERM) == 0
                assert "Traceback" not in old.output
        whole(home, results, HANDOVERS)


@pytest.mark.slow
def test_a_reload_applies_new_settings_and_keeps_the_old_processes_when_they_are_invalid(project: Project) -> None:
    file = project.home / ".env"
    with parent(project.home) as systemd, serving(project.home, NOTIFY_SOCKET=systemd.address) as backend:
        systemd.wait_for("READY=1")
        worker = until(lambda: backend.child("cli worker"), "a worker")
        try:
            file.write_text("APP_NAME=Renamed\n")
            assert reloaded(backend, systemd)["info"]["title"] == "Renamed"
            before = backend.server_processes()
            file.write_text("SERVER__MAX_BODY_BYTES=many\n")
            assert reloaded(backend, systemd)["info"]["title"] == "Renamed"
        finally:
            file.unlink()
        assert backend.server_processes() == before
        assert "SERVER__MAX_BODY_BYTES" in backend.output
        assert "the old ones continue" in backend.output
        assert backend.child("cli worker") != worker
        assert backend.end(signal.SIGTERM) == 0


def reloaded(backend: Backend, systemd: Parent) -> dict[str, Any]:
    """The API's description after SIGHUP."""
    old = backend.server_processes()
    backend.process.send_signal(signal.SIGHUP)
    systemd.wait_for("RELOADING=1")
    systemd.wait_for("READY=1")
    until(lambda: len(backend.server_processes()) == len(old), "one generation")
    status, description = backend.request("GET", "/openapi.json")
    assert status == 200
    found: dict[str, Any] = description
    return found


@pytest.mark.slow
def test_an_inherited_socket_that_does_not_listen_is_reported_in_one_sentence(project: Project) -> None:
    with socket.socket() as unbound, serving(project.home, listener=unbound, port=1) as backend:
        assert backend.process.wait(PATIENCE) == 2
    assert backend.output.startswith("api-base: LISTEN_FDS: ")
    assert len(backend.output.splitlines()) == 1
