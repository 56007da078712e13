"""A WebSocket client that writes and reads single frames, and a server of one process to connect it to."""

import asyncio
import contextlib
import os
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from uvicorn import Config

from api_base.core.config import Settings
from api_base.interface.routes import Router
from api_base.interface.websocket.socket import Socket, TextMessage, WebSocketOptions
from api_base.serving.connection import Connection
from api_base.serving.draining import DrainingServer
from api_base.serving.open_connections import OpenConnections
from tests.http_harness import PRINCIPAL, HttpHarness, shell

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PATIENCE = 20.0
"""Seconds. Only a failing test waits that long."""
ECHO = "/api/v1/echo"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455, section 1.3, and what a server answers to it."""
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class SentFrame(NamedTuple):
    """A frame of the server."""

    fin: bool
    rsv: int
    opcode: int
    payload: bytes


class RawClient:
    """One connection. `frame` writes whatever it is asked to, also what no client may send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self, path: str = ECHO, method: str = "GET", version: str = "1.1", **headers: str | None) -> Answer:
        """Send a handshake, changed by `headers` (`sec_websocket_key="…"`, None to leave one out), and return the answer."""
        sent = {
            "host": "a.test",
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": KEY,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value is not None)
        self.writer.write(f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode())
        return await self.answer()

    async def answer(self) -> Answer:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        status, *lines = head.decode("latin-1").strip().split("\r\n")
        found = dict(line.lower().split(": ", 1) if ":" in line else (line, "") for line in lines)
        exact = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}
        body = await self.reader.readexactly(int(found.get("content-length", "0")))
        return Answer(int(status.split()[1]), exact, body)

    def frame(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, head_only: bool = False
    ) -> None:
        first, size, mask = (fin << 7) | (rsv << 4) | opcode, len(payload), os.urandom(4)
        if size < 126:
            head = struct.pack("!BB", first, (masked << 7) | size)
        elif size < 65_536:
            head = struct.pack("!BBH", first, (masked << 7) | 126, size)
        else:
            head = struct.pack("!BBQ", first, (masked << 7) | 127, size)
        if masked:
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if size < 4096 else _masked(payload, mask)
        self.writer.write(head + (mask if masked else b"") + (b"" if head_only else payload))

    async def read(self) -> SentFrame:
        """Return the next frame of the server."""
        first, second = await asyncio.wait_for(self.reader.readexactly(2), PATIENCE)
        assert not second & 0x80, "a server must not mask its frames"
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        return SentFrame(bool(first & 0x80), first >> 4 & 7, first & 15, await asyncio.wait_for(self.reader.readexactly(size), PATIENCE))

    async def text(self) -> str:
        found = await self.read()
        assert (found.fin, found.rsv, found.opcode) == (True, 0, TEXT), found
        return found.payload.decode()

    async def closed(self) -> tuple[int, str]:
        """Return code and reason of the close frame, which is the next frame, and answer it. The server then ends the connection."""
        found = await self.read()
        assert (found.fin, found.rsv, found.opcode) == (True, 0, CLOSE), found
        code = int.from_bytes(found.payload[:2]) if found.payload else 1005
        self.frame(CLOSE, found.payload[:2])
        await self.ended()
        return code, found.payload[2:].decode()

    async def ended(self) -> None:
        """Wait until the server ends the connection. It sends nothing before."""
        with contextlib.suppress(ConnectionResetError):  # it had more input than it read
            assert await asyncio.wait_for(self.reader.read(), PATIENCE) == b""
        self.writer.close()


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


class WebSocketServer:
    """Serves the routes of `shell` on a real socket, with the routes of `echo`."""

    def __init__(self, harness: HttpHarness, settings: Settings) -> None:
        self.harness, self.settings = harness, settings
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port: int = self.listener.getsockname()[1]
        self.state = OpenConnections(settings.server, asyncio.get_running_loop().time)
        self.server: DrainingServer
        self._clients: list[RawClient] = []

    async def client(self) -> RawClient:
        """Open a connection, without a handshake."""
        client = RawClient(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**22))
        self._clients.append(client)
        return client

    async def connect(self, path: str = ECHO, **headers: str | None) -> RawClient:
        """Open a WebSocket that is authenticated by its header."""
        client = await self.client()
        answer = await client.request(path, **{"authorization": "Bearer good", **headers})
        assert answer.status == 101, answer
        return client

    def close_clients(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()


@asynccontextmanager
async def websocket_server(*routers: Router, **sections: Any) -> AsyncIterator[WebSocketServer]:
    """Serve `routers` beside those of `echo`; `sections` are sections of the settings."""
    settings = Settings(_env_file=None, **sections)
    started = asyncio.Event()
    server = WebSocketServer(shell(echo(), *routers, settings=settings), settings)
    config = Config(server.harness.app, http=Connection, ws="none", lifespan="off", access_log=False, log_config=None, proxy_headers=False)
    shutdown = settings.server.shutdown_timeout_seconds
    server.server = DrainingServer(config, server.state, shutdown_timeout=shutdown, on_started=started.set, on_drain=lambda: None)
    config.timeout_keep_alive = settings.server.keep_alive_timeout_seconds
    task = asyncio.create_task(server.server.serve(sockets=[server.listener]))
    await asyncio.wait_for(started.wait(), PATIENCE)
    try:
        yield server
    finally:
        server.close_clients()
        server.server.should_exit = True
        await asyncio.wait_for(task, PATIENCE)


def echo() -> Router:
    """Routes that echo: `/echo`, and `/named` with subprotocols. The first message of an anonymous client must be `good`."""
    router = Router()

    async def serve(client: Socket) -> None:
        if client.context.principal is None:
            if await client.receive() != "good":
                client.close(3000, "the first message must be good")
                return
            if not client.authenticated(PRINCIPAL):
                return
        while (text := await client.receive()) != "return":
            if text == "fail":
                raise RuntimeError("the handler fails")
            client.send(TextMessage(text.encode()))

    router.websocket("/echo")(serve)
    router.websocket("/named", WebSocketOptions(subprotocols=("b.v2", "a.v1"), required=True))(serve)
    return router


def field_of(header: str, name: str) -> bool:
    """Whether an extension header has the parameter `name`."""
    return re.search(rf"(?:^|;)\s*{name}(?:=|;|$)", header) is not None
