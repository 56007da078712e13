"""How `api-base serve` ends: open requests are answered, and no process outlives it."""

import http.client
import os
import signal
import socket

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, PATIENCE, Backend, alive, environment, free_port, serving, until
from tests.isolation import start

pytestmark = pytest.mark.slow

LONG = {"SERVER__KEEP_ALIVE_TIMEOUT_SECONDS": "600", "SERVER__SHUTDOWN_TIMEOUT_SECONDS": "600"}
"""Longer than any test waits."""


def connected(backend: Backend) -> http.client.HTTPConnection:
    """An idle connection that has been used."""
    connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
    assert ask(connection) is False
    return connection


def ask(connection: http.client.HTTPConnection) -> bool:
    """Whether the response to a request closes the connection."""
    connection.request("GET", "/health/live")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    return answer.will_close


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_at_sigterm_a_request_on_an_idle_connection_is_still_answered_and_is_the_last(project: Project) -> None:
    with serving(project.home, "--no-worker", **LONG) as backend:
        idle = connected(backend.ready())
        backend.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(backend.port), "no new connections")
        assert backend.process.poll() is None
        assert ask(idle) is True
        assert backend.process.wait(PATIENCE) == 0


def test_at_sigterm_an_idle_connection_is_kept_for_the_keep_alive_time(project: Project) -> None:
    with serving(project.home, "--no-worker", SERVER__KEEP_ALIVE_TIMEOUT_SECONDS="1") as backend:
        silent = socket.create_connection(("127.0.0.1", backend.ready().port))
        with silent, connected(backend).sock:
            assert backend.end(signal.SIGTERM) == 0


def test_at_sigint_idle_connections_are_closed_immediately(project: Project) -> None:
    with serving(project.home, "--no-worker", **LONG) as backend:
        idle = connected(backend.ready())
        assert backend.end(signal.SIGINT) == 0
        idle.close()


def test_closing_the_terminal_ends_it(project: Project) -> None:
    terminal, end = os.openpty()
    port, log = free_port(), project.home / "terminal"
    with log.open("wb") as output:
        command = ["setsid", "--ctty", *COMMAND, "serve", "--port", str(port)]
        process = start(command, cwd=project.home, env=environment(), stdin=end, stdout=output, new_session=False)
    os.close(end)
    backend = Backend(project.home, port, process, log)
    try:
        family = backend.ready().family()
        os.close(terminal)
        assert process.wait(PATIENCE) == 0
        assert not [pid for pid in family if alive(pid)]
    finally:
        process.kill()
