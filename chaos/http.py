"""One HTTP/1.1 connection that tells an answer from no answer: what a client must know before it may send again."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PATIENCE: Final = 15.0
"""Seconds that a client waits for an answer. After that it does not know what became of its request."""


class NoAnswer(Exception):
    """The connection broke, or nothing came in time: the request may have been carried out, or not."""


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
        """The last part of the problem's type [RFC 9457]; empty where the answer is none."""
        return str(self.body.get("type", "")).rpartition("/")[2] if self.status >= 400 and isinstance(self.body, dict) else ""

    @property
    def lasting(self) -> tuple[Any, ...]:
        """What a replay has in common with the first answer."""
        return self.status, self.headers.get("etag"), self.headers.get("location"), self.body


class Connection:
    """To one server; opened again when it is needed after it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request, token: str | None = None) -> Answer:
        """Raises `NoAnswer`."""
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
