"""New connections of a full process, on real sockets: who starts, who waits, who is refused."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from starlette.types import Receive, Scope, Send

from api_base.serving import open_connections, pending_connections
from api_base.serving.accepting import Acceptor
from api_base.serving.admission import STRESS_SECONDS
from api_base.serving.connection import Connection
from api_base.serving.draining import SWEEP_SECONDS
from tests.connections import REFUSED, ServerOnWires, answer_ok
from tests.virtual_time import in_virtual_time

MAX: Final = 10


class Full:
    """A server whose connections all have a request in work. `asked` are the paths of the requests that it works on."""

    def __init__(self, **settings: int) -> None:
        self.release: dict[str, asyncio.Event] = {}
        self.server = ServerOnWires(self._work, max_connections=MAX, **settings)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.acceptor = Acceptor(self.listener, self.server.state, self._connected)
        self.clients: list[socket.socket] = []

    def _connected(self, reserved: bool) -> Connection:
        connection = Connection(self.server.config, self.server.state, {})
        connection.reserved = reserved
        return connection

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/slow"):
            await self.release.setdefault(scope["path"], asyncio.Event()).wait()
        await answer_ok(scope, receive, send)

    async def ask(self, path: str | None) -> socket.socket:
        """Connect and, unless `path` is None, send a request."""
        client = socket.create_connection(self.listener.getsockname(), 5)
        client.setblocking(False)
        if path is not None:
            client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        self.clients.append(client)
        await turns()
        return client

    async def sweep(self, seconds: float = SWEEP_SECONDS) -> None:
        """Let time pass, with sweeps."""
        for _ in range(round(seconds / SWEEP_SECONDS)):
            await asyncio.sleep(SWEEP_SECONDS)
            self.server.state.sweep()
            self.acceptor.sweep()
            await turns()


async def turns() -> None:
    """Let the event loop read its sockets."""
    for _ in range(10):
        await asyncio.sleep(0)


def status(client: socket.socket) -> str:
    """The status of the answer; `waits` without one, `closed` at the end of the connection."""
    try:
        data = client.recv(65_536)
    except BlockingIOError:
        return "waits"
    except ConnectionResetError:
        return "closed"
    return data[9:12].decode() or "closed"


@asynccontextmanager
async def full(idle: int = 0, **settings: int) -> AsyncIterator[Full]:
    """A full process: its first `idle` connections have been answered."""
    made = Full(**settings)
    made.acceptor.open()
    try:
        for number in range(MAX):
            await made.ask(f"/slow/{number}" if number >= idle else "/health/live")
        assert [status(one) for one in made.clients] == ["200"] * idle + ["waits"] * (MAX - idle)
        yield made
    finally:
        for gate in made.release.values():
            gate.set()
        await turns()
        if made.listener.fileno() >= 0:
            made.acceptor.close()
        for client in made.clients:
            client.close()
        await turns()


@in_virtual_time
async def test_a_new_connection_waits_until_another_one_ends_and_is_refused_in_the_end() -> None:
    async with full() as made:
        first, second = await made.ask("/a"), await made.ask("/slow/b")
        silent = await made.ask(None)
        await made.sweep()
        assert [status(one) for one in (first, second, silent)] == ["waits"] * 3
        made.clients[0].close()
        await turns()
        await made.sweep()
        assert made.server.paths[MAX:] == ["/slow/b"]
        await made.sweep(REFUSED)
        answer = first.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nconnection: close\r\n" in answer
        assert [status(one) for one in (silent, first, second)] == ["503", "closed", "waits"]
        made.release["/slow/b"].set()
        await turns()
        assert status(second) == "200"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
@in_virtual_time
async def test_probes_of_a_full_process_are_answered_at_the_next_sweep(path: str) -> None:
    async with full() as made:
        waiting = [await made.ask("/a") for _ in range(3)]
        probe = await made.ask(path)
        await made.sweep()
        assert status(probe) == "200"
        assert [status(one) for one in waiting] == ["waits"] * 3


@in_virtual_time
async def test_connections_of_probes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_connections, "MAX_LINGERING", 2)
    async with full() as made:
        probes = [await made.ask("/health/live") for _ in range(6)]
        for number, probe in enumerate(probes):
            probe.send(f"GET /slow/{MAX + number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await made.sweep()
        assert sorted(status(one) for one in probes) == ["200"] * 2 + ["503"] * 4


@in_virtual_time
async def test_an_idle_connection_gives_way_at_once_unless_the_process_is_overloaded() -> None:
    async with full(idle=1) as made:
        assert status(await made.ask("/a")) == "200"
        assert status(made.clients[0]) == "closed"


@in_virtual_time
async def test_under_overload_a_few_idle_connections_give_way_to_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_connections, "MAX_STARTS", 1)
    async with full(idle=2, concurrency=5) as made:
        await asyncio.sleep(STRESS_SECONDS * 1.1)
        new = [await made.ask(f"/{number}") for number in range(3)]
        await made.sweep()
        assert [status(one) for one in made.clients[:2]] == ["closed", "waits"]
        made.release["/slow/2"].set()
        await turns()
        assert [status(one) for one in new] == ["waits", "waits", "200"]


@in_virtual_time
async def test_clients_that_have_left_are_forgotten() -> None:
    async with full() as made:
        for path in ("/a", None):
            (await made.ask(path)).close()
        await made.sweep()
        last = await made.ask("/b")
        made.clients[0].close()
        await turns()
        await made.sweep(REFUSED)
        assert status(last) == "200"


@in_virtual_time
async def test_when_too_many_wait_the_oldest_is_refused() -> None:
    async with full() as made:
        waiting = [await made.ask("/a") for _ in range(MAX + 2)]
        assert [status(one) for one in waiting] == ["503"] * 2 + ["waits"] * MAX


@in_virtual_time
async def test_all_that_wait_start_at_a_shutdown() -> None:
    async with full() as made:
        made.clients[0].close()
        await turns()
        waiting = [await made.ask(f"/{number}") for number in range(3)]
        made.acceptor.close()
        await turns()
        assert sorted(status(one) for one in waiting) == ["200"] * 3
