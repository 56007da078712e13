"""An HTTP/1.1 connection that distinguishes a response from none: the client must know this before it retries."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PATIENCE: Final = 15.0
"""Seconds that a client waits for a response. After that the outcome of its request is unknown."""


class NoAnswer(Exception):
    """The connection broke, or the response did not arrive in time: the request may or may not have been executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`key` is its Idempotency-Key, `expected` the version in its If-Match."""

    method: str
    path: str
    body: Any = None
    key: str | None = None
    expected: int | None = None

    def headers(self) -> dict[str, str]:
        return {
            **({} if self.key is None else {"Idempotency-Key": self.key}),
            **({} if self.expected is None else {"If-Match": f'"v{self.expected}-json1"'}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def problem(self) -> str:
        """The last part of the problem's type [RFC 9457]; empty if the response is not a problem."""
        return str(self.body.get("type", "")).rpartition("/")[2] if self.status >= 400 and isinstance(self.body, dict) else ""

    @property
    def lasting(self) -> tuple[Any, ...]:
        """The parts of a response that a replay repeats."""
        return self.status, self.headers.get("etag"), self.headers.get("location"), self.body


class Connection:
    """A connection to one server. It reconnects after it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request, token: str | None = None) -> Answer:
        """Send a request and read its response. Raises `NoAnswer`."""
        body = b"" if request.body is None else json.dumps(request.body).encode()
        headers = {"Host": "chaos", "Content-Type": "application/json", "Content-Length": str(len(body)), **request.headers()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._exchange(f"{request.method} {request.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error

    async def _exchange(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status=int(lines[0].split()[1]), headers=headers, body=json.loads(body) if body else None)

    def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
