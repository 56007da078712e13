"""Hostile connections beside ordinary clients, on a real server process."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.hostile_clients import hostile
from tests.e2e.processes import UNLIMITED, Backend, serving

CONNECTIONS: Final = 200
MAX_GROWTH: Final = 10.0
"""Megabytes."""
SECONDS: Final = 8.0
SHORT: Final = {
    "SERVER__HEADER_TIMEOUT_SECONDS": "2",
    "SERVER__BODY_TIMEOUT_SECONDS": "2",
    "SERVER__FIRST_BYTE_TIMEOUT_SECONDS": "2",
    "SERVER__CONCURRENCY": "10",
    "OBSERVABILITY__LOG_FORMAT": "json",
}


def resident(pid: int) -> float:
    """Megabytes [proc(5)]."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


async def ordinary(backend: Backend, token: str, seconds: float) -> list[int]:
    """The statuses of a client's requests, one after the other, each on a new connection."""
    request = f"GET /api/v1/items HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode()
    statuses, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        reader, writer = await asyncio.open_connection("127.0.0.1", backend.port)
        writer.write(request)
        statuses.append(int((await reader.read()).split()[1]))
        writer.close()
    return statuses


@pytest.mark.slow
async def test_hostile_connections_take_no_memory_and_keep_nobody_out(project: Project) -> None:
    with serving(project.home, "--no-worker", **UNLIMITED, **SHORT) as backend:
        token = await asyncio.to_thread(lambda: project.log_in(backend.ready()))
        await ordinary(backend, token, 1)
        pid = backend.child("server_process")
        assert pid is not None
        before = resident(pid)
        async with hostile(backend.port, CONNECTIONS):
            clients = [asyncio.create_task(ordinary(backend, token, SECONDS)) for _ in range(3)]
            highest = before
            while not all(client.done() for client in clients):
                await asyncio.sleep(0.05)
                highest = max(highest, resident(pid))
            statuses = [status for client in clients for status in client.result()]
        assert set(statuses) == {200}
        assert highest < before + MAX_GROWTH
        assert backend.end(signal.SIGTERM) == 0
        assert backend.output.count('"event": "requests_refused"') == 2, "the first, and the rest at the end"
        for reason in ("slow_header", "slow_body", "header_too_large"):
            assert f'"{reason}": ' in backend.output
        assert "Traceback" not in backend.output
