"""PostgreSQL stands still for a while, as under a stopped virtual machine: bounded answers meanwhile, full service soon after, nothing lost."""

import os
import signal
import time
from typing import Any, Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, children, postmaster, rows, serving, until

BOUND: Final = 20.0
"""Seconds in which a request is answered meanwhile: a commit is not given up before the heartbeat finds that the server is silent."""
RECOVERY: Final = 30.0


def create(backend: Backend, token: str, number: int) -> int:
    body: dict[str, Any] = {"sku": f"S-{number}", "name": "n", "category": "c"}
    return backend.request("POST", "/api/v1/items", body, token)[0]


def stand_still(server: int) -> list[int]:
    """Stop the server first: it begins no connection while the processes of those that exist are stopped. Return all of them."""
    os.kill(server, signal.SIGSTOP)
    connections = children(server)
    for pid in connections:
        os.kill(pid, signal.SIGSTOP)
    return [server, *connections]


@pytest.mark.slow
def test_a_database_that_stands_still_costs_bounded_time_and_no_acknowledged_write(project: Project) -> None:
    with serving(project.home, "--workers", "2", SERVER__REQUEST_TIMEOUT_SECONDS="5", **UNLIMITED) as backend:
        token = project.log_in(backend.ready())
        written = {number: create(backend, token, number) for number in range(20)}
        assert set(written.values()) == {201}
        stopped = stand_still(postmaster(project.home))
        try:
            for number in range(20, 22):
                started = time.monotonic()
                written[number] = create(backend, token, number)
                assert written[number] == 503
                assert time.monotonic() - started < BOUND
            assert backend.request("GET", "/health/ready")[0] == 503
            assert backend.request("GET", "/health/live")[0] == 200
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        until(lambda: create(backend, token, 1000) in (201, 409), "a write after the pause", RECOVERY)
        until(lambda: backend.request("GET", "/health/ready")[0] == 200, "readiness", RECOVERY)
        stored = {sku for (sku,) in rows(project.home, "select sku from items where sku like 'S-%'")}
        assert stored >= {f"S-{number}" for number, status in written.items() if status == 201}
        published = "select count(*) from outbox where name = 'items.created.v1' and not published"
        until(lambda: rows(project.home, published) == [["0"]], "every event published", RECOVERY)
        assert backend.end(signal.SIGTERM) == 0
    assert "Traceback" not in backend.output
