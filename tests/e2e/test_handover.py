"""Server processes replaced under load on one listening socket: no client of those in `busy_clients` gets no answer, or a wrong one."""

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.busy_clients import Told, busy
from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, Backend, alive, children, rows, serving, until

HANDOVERS = 5
KEPT, SINGLE = 4, 3
SETTINGS = {"RATE_LIMIT__REQUESTS": "1000000", "RATE_LIMIT__BURST": "1000000"}


class Parent:
    """What systemd is to a service: owns the listening socket, and is told how far the service is."""

    def __init__(self, home: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.settimeout(PATIENCE)
        self.address = str(home / "notify")
        self._told.bind(self.address)

    def wait_for(self, state: str) -> None:
        while state not in self._told.recv(1024).decode().splitlines():
            pass

    def close(self) -> None:
        self.listener.close()
        self._told.close()
        Path(self.address).unlink()


@contextmanager
def parent(home: Path) -> Iterator[Parent]:
    """With the database running by itself, as it does in production."""
    database = EmbeddedServer(home / ".api-base/postgres")
    database.start()
    one = Parent(home)
    try:
        yield one
    finally:
        one.close()
        database.stop()


def server_processes(backend: Backend) -> set[int]:
    return {pid for pid, command in children(backend.process.pid).items() if "server_process" in command}


def whole(home: Path, told: Told, handovers: int) -> None:
    """Nothing failed, what was acknowledged is stored and nothing else is, and the clients were there all the time."""
    assert told.failed == []
    assert sorted(sku for (sku,) in rows(home, f"select sku from items where sku like '%-{told.port}-%'")) == sorted(told.created)
    assert told.closed >= handovers * KEPT
    assert told.answers > handovers * (KEPT + SINGLE)


def test_sighup_replaces_the_processes_and_no_request_fails(project: Project) -> None:
    home = project.home
    with parent(home) as systemd, serving(home, "--workers", "2", NOTIFY_SOCKET=systemd.address, **SETTINGS) as backend:
        systemd.wait_for("READY=1")
        worker = until(lambda: backend.child("cli worker"), "a worker")
        with busy(backend.port, project.log_in(backend), KEPT, SINGLE) as told:
            for _ in range(HANDOVERS):
                before = server_processes(backend)
                backend.process.send_signal(signal.SIGHUP)
                systemd.wait_for("RELOADING=1")
                systemd.wait_for("READY=1")
                until(lambda before=before: not any(alive(pid) for pid in before), "the end of the old processes")
                assert len(server_processes(backend)) == 2
        whole(home, told, HANDOVERS)
        assert until(lambda: backend.child("cli worker"), "a worker") != worker
        assert backend.end(signal.SIGTERM) == 0
    assert "Traceback" not in backend.output
    assert "ended with code" not in backend.output


def test_a_second_process_takes_over_the_socket_at_sigterm_and_no_request_fails(project: Project) -> None:
    home = project.home
    with parent(home) as systemd, ExitStack() as stack:

        def service() -> Backend:
            one = serving(home, "--no-worker", listener=systemd.listener, NOTIFY_SOCKET=systemd.address, **SETTINGS)
            backend = stack.enter_context(one)
            systemd.wait_for("READY=1")
            return backend

        backend = service()
        with busy(backend.port, project.log_in(backend), KEPT, SINGLE) as told:
            for _ in range(HANDOVERS):
                old, backend = backend, service()
                assert old.end(signal.SIGTERM) == 0
                assert "Traceback" not in old.output
        whole(home, told, HANDOVERS)


def test_new_processes_have_new_settings_and_where_those_are_wrong_the_old_ones_stay(project: Project) -> None:
    file = project.home / ".env"
    with parent(project.home) as systemd, serving(project.home, NOTIFY_SOCKET=systemd.address) as backend:
        systemd.wait_for("READY=1")
        worker = until(lambda: backend.child("cli worker"), "a worker")
        try:
            file.write_text("APP_NAME=Renamed\n")
            assert reloaded(backend, systemd)["info"]["title"] == "Renamed"
            before = server_processes(backend)
            file.write_text("SERVER__MAX_BODY_BYTES=many\n")
            assert reloaded(backend, systemd)["info"]["title"] == "Renamed"
        finally:
            file.unlink()
        assert server_processes(backend) == before
        assert "SERVER__MAX_BODY_BYTES" in backend.output
        assert "the old ones stay" in backend.output
        assert backend.child("cli worker") != worker
        assert backend.end(signal.SIGTERM) == 0


def reloaded(backend: Backend, systemd: Parent) -> dict[str, Any]:
    """The API's description after SIGHUP."""
    old = server_processes(backend)
    backend.process.send_signal(signal.SIGHUP)
    systemd.wait_for("RELOADING=1")
    systemd.wait_for("READY=1")
    until(lambda: len(server_processes(backend)) == len(old), "one generation")
    status, description = backend.request("GET", "/openapi.json")
    assert status == 200
    found: dict[str, Any] = description
    return found


def test_what_is_handed_over_and_no_listening_socket_is_told_in_one_sentence(project: Project) -> None:
    with socket.socket() as unbound, serving(project.home, listener=unbound, port=1) as backend:
        assert backend.process.wait(PATIENCE) == 2
    assert backend.output.startswith("api-base: LISTEN_FDS: ")
    assert len(backend.output.splitlines()) == 1
