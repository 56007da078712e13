"""What a connection keeps of a request that is answered or refused, while the client stays."""

import asyncio
import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.connections import REFUSED, Client, ServerOnWires, answer_body, answer_ok, settled
from tests.unit.test_connection_limits import BEYOND, HEAD, LIMIT, WITHIN, pieces
from tests.virtual_time import in_virtual_time

CLIENTS: Final = 5
MAX_KEPT: Final = 12_000
"""Bytes for each client, the test's own included; one that has sent little takes 6,000 to 8,000."""
SIZES: Final = [1000, 262_144]
"""The bytes of a read: a slow client's, and the largest of uvloop."""
LARGE = b"X: " + b"y" * 30_000 + b"\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n"
MALFORMED = b"zz\r\n"


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def begin(scope: Scope, receive: Receive, send: Send) -> None:
    """Begin to answer, and go on when the client has left."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(60)


@dataclass(frozen=True)
class Case:
    """`seconds` pass after the input. `settings` are those of the server."""

    data: bytes
    apps: Sequence[ASGIApp] = (answer_ok, answer_body)
    seconds: float = 0
    settings: dict[str, Any] = field(default_factory=dict)


FULL = {"concurrency": 1}
"""All but the first request wait, and are refused."""
CASES = {
    **{name: Case(data) for name, (data, _) in BEYOND.items()},
    **{name: Case(data) for name, data in WITHIN.items()},
    "a body in one piece": Case(POST + b"\r\n" + b"b" * 200_000),
    "a body that is not complete": Case(POST + b"\r\n" + b"b" * 199_000, (answer_ok,)),
    "a slow body behind a large header": Case(POST + LARGE + b"\r\n", (answer_body,), 11),
    "a malformed body behind a large header": Case(CHUNKED + LARGE + b"\r\n" + MALFORMED),
    "many chunks, then a malformed one": Case(CHUNKED + b"\r\n" + b"2\r\nab\r\n" * 4600 + MALFORMED),
    "a malformed chunk after the answer has begun": Case(CHUNKED + b"\r\n7000\r\n" + b"b" * 0x7000 + b"\r\n" + MALFORMED, (begin,), 61),
    "a target of 30,000 bytes": Case(b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a target of 30,000 bytes and a malformed header": Case(b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: a\r\n:\r\n\r\n"),
    "a host of 30,000 bytes": Case(b"GET / HTTP/1.1\r\nHost: " + b"a" * 30_000 + b"\r\n\r\n"),
    "a request behind another": Case(HEAD + LARGE + b"\r\n" + HEAD + b"\r\n"),
    "a refused request behind another": Case(HEAD + b"\r\n" + HEAD + b"X: " + b"y" * 2 * LIMIT),
    "trailers": Case(CHUNKED + b"\r\n0\r\n" + LARGE + b"\r\n"),
    "trailers without end": Case(CHUNKED + b"\r\n0\r\nT: " + b"y" * 10 * LIMIT),
    "many trailers": Case(CHUNKED + b"\r\n0\r\n" + b"T: t\r\n" * 60_000),
    "an extension without end": Case(CHUNKED + b"\r\n1;" + b"y" * 10 * LIMIT),
    "another protocol": Case(HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + LARGE + b"\r\n"),
    "a request that is refused by overload": Case(HEAD + LARGE + b"\r\n", (never,), REFUSED, FULL),
    "a body that is refused by overload": Case(POST + b"\r\n" + b"b" * 100_000, (never,), REFUSED, FULL),
    "requests behind one that is refused by overload": Case(
        CHUNKED + b"Expect: 100-continue\r\n\r\n1\r\nb\r\n0\r\n\r\n" + (HEAD + LARGE + b"\r\n") * 8, (never,), REFUSED, FULL
    ),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "app"), [(name, app) for name, case in CASES.items() for app in case.apps])
@in_virtual_time
async def test_an_answered_client_that_stays_takes_little_memory(name: str, size: int, app: ASGIApp) -> None:
    """Nothing is left for the garbage collector either, which may run late."""
    case = CASES[name]
    server = ServerOnWires(app, **case.settings)
    first = server.client()
    if case.settings == FULL:
        await first.get()

    async def connected() -> list[Client]:
        clients = [server.client() for _ in range(CLIENTS)]
        for client in clients:
            for piece in pieces(case.data, size):
                client.send(piece)
                await settled()
        await server.wait(case.seconds)
        server.paths.clear()
        return clients

    await connected()  # what the first ones import and cache
    tracemalloc.start()
    gc.disable()
    try:
        clients = await connected()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        gc.enable()
        tracemalloc.stop()
    assert all(client.statuses for client in clients)
    assert kept / CLIENTS < MAX_KEPT
