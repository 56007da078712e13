"""A request that asks for a protocol that is not spoken here is answered in HTTP/1.1, with its body [RFC 9110, section 7.8]."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from tests.connections import ServerOnWires, answer_body, settled
from tests.virtual_time import in_virtual_time

H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
"""What the HttpClient of Java sends with each first request of a connection."""
OFFERS = {
    "h2c": H2C,
    "tls": "Upgrade: TLS/1.0\r\nConnection: upgrade\r\n",
    "websocket": "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "several": "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n",
}
BODIES = {
    "none": ("", b"", 0),
    "empty": ("Content-Length: 0\r\n", b"", 0),
    "length": ("Content-Length: 5\r\n", b"GET /", 5),
    "chunks": ("Transfer-Encoding: chunked\r\n", b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", 5),
}
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("offer", OFFERS)
@in_virtual_time
async def test_the_body_arrives_and_the_connection_stays(offer: str, body: str, method: str, size: int) -> None:
    server = ServerOnWires(answer_body)
    client, (header, content, length) = server.client(), BODIES[body]
    data = f"{method} /first HTTP/1.1\r\nHost: a\r\n{OFFERS[offer]}{header}\r\n".encode() + content + NEXT
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
        await settled()
    assert client.statuses == [200, 200]
    assert server.paths == ["/first", "/next"]
    assert client.text.partition("\r\n\r\n")[2].startswith(str(length))
    assert not client.over


@pytest.mark.parametrize("offer", ["h2c", "tls", "several"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@in_virtual_time
async def test_a_get_is_answered_too(offer: str, version: str) -> None:
    server = ServerOnWires()
    client = server.client()
    client.send(f"GET /first HTTP/{version}\r\nHost: a\r\n{OFFERS[offer]}\r\n".encode())
    await settled()
    assert (client.statuses, server.paths, client.over) == ([200], ["/first"], version == "1.0")


@in_virtual_time
async def test_every_other_header_arrives_and_limits_hold() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])
        await answer_body(scope, receive, send)

    server = ServerOnWires(keep, max_header_fields=10)
    client = server.client()
    client.send(f"POST /a%20b?c=d HTTP/1.1\r\nHost: a\r\n{H2C}X-One: 1\r\nX-One: 2\r\nContent-Length: 1\r\n\r\nx".encode())
    await settled()
    assert (client.statuses, server.paths) == ([200], ["/a b"])
    names = [name for name, _ in seen]
    assert names == [b"host", b"connection", b"http2-settings", b"x-one", b"x-one", b"content-length"]
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{H2C}{'X: y\r\n' * 10}Content-Length: 1\r\n\r\nx".encode())
    await settled()
    assert client.statuses == [200, 431]
    stranger = server.client()
    stranger.send(f"POST / HTTP/1.1\r\n{H2C}Content-Length: 1\r\n\r\nx".encode())
    await settled()
    assert (stranger.statuses, server.paths) == ([400], ["/a b"])


@pytest.mark.parametrize("offer", ["", H2C])
@in_virtual_time
async def test_during_a_shutdown_it_is_answered_after_the_request_before_it(offer: str) -> None:
    release = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await answer_body(scope, receive, send)

    server = ServerOnWires(wait)
    client = server.client()
    await client.get("/first")
    server.state.draining = True
    client.send(f"POST /last HTTP/1.1\r\nHost: a\r\n{offer}Content-Length: 5\r\n\r\nhello".encode())
    release.set()
    await settled()
    assert (client.statuses, server.paths, client.over) == ([200, 200], ["/first", "/last"], True)
