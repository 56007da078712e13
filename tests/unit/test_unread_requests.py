"""Requests that an overloaded process leaves unparsed until it serves them: what they are, and that nobody notices."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Receive, Scope, Send

from api_base.serving.admission import STRESS_SECONDS
from api_base.serving.unread import is_plain
from tests.connections import REFUSED, Client, ServerOnWires, answer_ok, settled
from tests.virtual_time import in_virtual_time

HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\n"

PLAIN = [
    HEAD + b"\r\n",
    HEAD + b"Connection: keep-alive\r\nX-Request-ID: mine\r\n\r\n",
    b"GET /a?b=c%20d HTTP/1.1\r\nhost:a\r\nauthorization: Bearer x\r\n\r\n",
]
OTHER = {
    "another method": b"POST /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "another version": b"GET /a HTTP/1.0\r\nHost: a\r\n\r\n",
    "a target in absolute form": b"GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "a probe": b"GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n",
    "no header": b"GET /a HTTP/1.1\r\n\r\n",
    "a body": HEAD + b"content-length: 1\r\n\r\n",
    "a body, with a space before the colon": HEAD + b"Content-Length : 1\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "an expectation": HEAD + b"Expect: 100-continue\r\n\r\n",
    "another protocol": HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "the last one of its connection": HEAD + b"Connection: close\r\n\r\n",
    "a folded line": HEAD + b" X: y\r\n\r\n",
    "a bare line feed": HEAD + b"X: y\nContent-Length: 1\r\n\r\n",
    "two requests": 2 * (HEAD + b"\r\n"),
    "a part of one": HEAD,
    "more than one": HEAD + b"\r\n" + b"GET",
}


@pytest.mark.parametrize("data", PLAIN)
def test_a_whole_request_without_a_body_may_be_refused_by_its_bytes(data: bytes) -> None:
    assert is_plain(data)


@pytest.mark.parametrize("name", OTHER)
def test_whatever_is_not_exactly_one_such_request_is_parsed(name: str) -> None:
    assert not is_plain(OTHER[name])


class Gate:
    """An application whose requests wait until each is let through. `seen` are the paths and headers that it saw."""

    def __init__(self) -> None:
        self.open = asyncio.Semaphore(0)
        self.seen: list[tuple[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append((scope["path"], scope["query_string"].decode()))
        await self.open.acquire()
        await answer_ok(scope, receive, send)

    async def let_through(self, count: int) -> None:
        for _ in range(count):
            self.open.release()
        await settled()


def overloaded(test: Callable[[ServerOnWires, Gate, Client], Awaitable[None]]) -> Callable[[], None]:
    """Run `test` with a process that works on one request, in whose queue another has waited for too long, and a client with a connection."""

    @in_virtual_time
    async def run() -> None:
        gate = Gate()
        server = ServerOnWires(gate, concurrency=1)
        for path in ("/running", "/waiting"):
            await server.client("127.0.0.1").get(path)
        await asyncio.sleep(STRESS_SECONDS * 1.1)
        assert server.state.admission.stressed
        await test(server, gate, server.client("127.0.0.1"))

    return run


@overloaded
async def test_it_is_served_in_its_turn(server: ServerOnWires, gate: Gate, client: Client) -> None:
    await client.get("/new?x=1")
    assert (client.connection.unread is not None, client.connection.cycle) == (True, None)
    await gate.let_through(1)
    assert gate.seen == [("/running", ""), ("/new", "x=1")]
    await gate.let_through(2)
    assert (client.statuses, gate.seen[2:]) == ([200], [("/waiting", "")])
    assert server.state.admission.stressed is False


@overloaded
async def test_it_is_refused_with_its_own_path_and_id_and_the_connection_stays(server: ServerOnWires, gate: Gate, client: Client) -> None:
    await client.get("/new?x=1", "X-Request-ID: mine\r\n")
    await server.wait(REFUSED)
    assert (client.statuses, client.connection.cycle, client.over) == ([503], None, False)
    assert "\r\nx-request-id: mine\r\n" in client.text
    assert client.text.endswith('"instance":"/new","request_id":"mine"}')
    await gate.let_through(10)
    await client.get("/next")
    assert (client.statuses, gate.seen[-1]) == ([503, 200], ("/next", ""))


@overloaded
async def test_what_follows_it_is_answered_after_it(server: ServerOnWires, gate: Gate, client: Client) -> None:
    client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
    client.send(b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
    await gate.let_through(10)
    assert (client.statuses, [path for path, _ in gate.seen]) == ([200, 200], ["/running", "/first", "/waiting", "/second"])
    assert server.state.admission.stressed is False


@overloaded
async def test_it_is_dropped_when_its_client_leaves(server: ServerOnWires, gate: Gate, client: Client) -> None:
    await client.get("/left")
    client.wire.abort()
    await settled()
    await gate.let_through(10)
    await server.wait(REFUSED)
    assert [path for path, _ in gate.seen] == ["/running", "/waiting"]


@overloaded
async def test_one_that_is_invalid_takes_nobodys_turn(server: ServerOnWires, gate: Gate, client: Client) -> None:
    client.send(b"GET /a HTTP/1.1\r\nHost: not a host\r\n\r\n")
    assert client.connection.unread is not None
    await gate.let_through(1)
    assert (client.statuses, client.over) == ([400], True)
    await gate.let_through(1)
    later = server.client("127.0.0.1")
    await later.get("/later")
    await gate.let_through(1)
    assert (later.statuses, [path for path, _ in gate.seen]) == ([200], ["/running", "/waiting", "/later"])


@overloaded
async def test_a_process_that_stops_answers_it(server: ServerOnWires, gate: Gate, client: Client) -> None:
    await client.get("/new")
    server.state.draining = True
    client.connection.drain()
    client.connection.shutdown()
    await gate.let_through(10)
    assert (client.statuses, client.over, "connection: close" in client.text) == ([200], True, True)
