"""Connections of a server process without sockets: the protocol on transports that keep what is written, in virtual time."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn import Config

from api_base.core.config.server import ServerSettings
from api_base.serving.admission import MAX_WAIT_SECONDS
from api_base.serving.connection import Connection
from api_base.serving.draining import SWEEP_SECONDS
from api_base.serving.open_connections import OpenConnections

STRANGER = "203.0.113.7"
REFUSED = MAX_WAIT_SECONDS + SWEEP_SECONDS
"""Seconds after which a request or connection that waits is refused."""


class Wire(asyncio.Transport):
    """A transport to a client at `address`. Closing takes effect in the next turn of the loop, but not before the client has read everything."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 50000), "sockname": ("192.0.2.1", 8000)})
        self.written, self.closing, self.ended, self.flushed = bytearray(), False, False, True
        self.reading = True
        self.protocol: Connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing
        assert not self.ended
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            if self.flushed:
                self._lose()

    def abort(self) -> None:
        if not (self.closing and self.flushed):
            self.closing = True
            self._lose()

    def _lose(self) -> None:
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Client:
    """The other side of a connection."""

    def __init__(self, server: "ServerOnWires", address: str) -> None:
        self.wire = Wire(address)
        self.connection = self.wire.protocol = Connection(server.config, server.state, {})
        self.connection.connection_made(self.wire)

    def send(self, data: bytes) -> None:
        """Deliver `data` in one piece, unless the connection is closed."""
        if not self.wire.closing:
            self.connection.data_received(data)

    async def get(self, path: str = "/", headers: str = "") -> None:
        self.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
        await settled()

    @property
    def text(self) -> str:
        return self.wire.written.decode("latin-1")

    @property
    def statuses(self) -> list[int]:
        """The statuses of all responses so far."""
        return [int(status) for status in re.findall(r"HTTP/1\.1 (\d{3}) ", self.text)]

    @property
    def over(self) -> bool:
        """Whether the server is done with the connection: closed, or closing once the client has read the answer."""
        return self.wire.closing or self.wire.ended


class ServerOnWires:
    """Serves `app`, by default 200 to everything. `paths` are those that the application has seen."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None, **settings: Any) -> None:
        self.state = OpenConnections(ServerSettings(**settings), asyncio.get_running_loop().time)
        keep_alive = self.state.settings.keep_alive_timeout_seconds
        self.config = Config(
            self._serve,
            http=Connection,
            interface="asgi3",
            access_log=False,
            proxy_headers=False,
            log_config=None,
            timeout_keep_alive=keep_alive,
        )
        self.config.load()
        self.paths: list[str] = []
        self._app = app or answer_ok

    def client(self, address: str = STRANGER) -> Client:
        return Client(self, address)

    async def wait(self, seconds: float) -> None:
        """Let time pass, with the sweeps of the server."""
        for _ in range(round(seconds / SWEEP_SECONDS)):
            await asyncio.sleep(SWEEP_SECONDS)
            self.state.sweep()
        await settled()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        await self._app(scope, receive, send)


async def answer_ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def answer_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, and answer with its length."""
    size, more = 0, True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def settled() -> None:
    """Let every task run that can."""
    for _ in range(20):
        await asyncio.sleep(0)
