"""ClamAV's daemon, by its socket protocol [clamd(8)]: one connection for each command, contents in pieces by INSTREAM.

"OK" is a verdict only about what clamd has looked at. It looks at nothing beyond its MaxFileSize and MaxScanSize, and reports it only with
`AlertExceedsMax yes`, as a signature `Heuristics.Limits.Exceeded`. So a content of more than `max_bytes`, which must not be above MaxFileSize, is
too large without asking, and that signature is a limit and no malware. clamd ends a stream above its StreamMaxLength.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from api_base.core.errors import Unavailable
from api_base.core.protocols import Probe, Scanner, ScannerVersion, ScanResult, ScanVerdict
from api_base.infrastructure.resilience.patterns import Policy

PORT: Final = 3310
_PIECE: Final = 262_144
_MAX_REPLY: Final = 4096
_LIMITS: Final = "Heuristics.Limits.Exceeded"
_STREAM_LIMIT: Final = "INSTREAM size limit exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdAddress:
    """A Unix socket at `path`, or else TCP at `host` and `port`."""

    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> "ClamdAddress":
        """From `clamav://host:port` or `clamav:///path`."""
        parts = urlsplit(url)
        return cls(host=parts.hostname or "", port=parts.port or PORT, path=unquote(parts.path) if not parts.netloc else "")


class _ConnectionFailed(Unavailable):
    """The scanner failed, and not the source of the content."""


class ClamavScanner(Scanner, Probe):
    """`max_bytes` limits a content, `timeout` the seconds of each step: to connect, to send a piece, to wait for the verdict."""

    def __init__(self, policy: Policy, address: ClamdAddress, max_bytes: int, timeout: float) -> None:
        self._policy, self._address, self._max_bytes, self._timeout = policy, address, max_bytes, timeout

    async def scan(self, content: AsyncIterable[bytes]) -> ScanResult:
        """Scan `content`. See `Scanner`."""
        try:
            version = await self.version()
        except Unavailable as error:
            return ScanResult(verdict=ScanVerdict.UNAVAILABLE, reason=error.reason or str(error))
        try:
            async with self._connected() as connection:
                reply = await self._stream(connection, content)
        except _ConnectionFailed as error:
            return ScanResult(verdict=ScanVerdict.UNAVAILABLE, version=version, reason=error.reason)
        return _result(reply, version) if reply is not None else self._too_large(version)

    async def version(self) -> ScannerVersion:
        """Return the version of clamd, and number and date of its signatures if they are ClamAV's own."""
        engine, _, signatures = (await self._policy.execute(lambda: self._command("VERSION"), idempotent=True)).partition("/")
        return ScannerVersion(engine=engine, signatures=signatures)

    async def check(self) -> str:
        """Send a PING. Raises `Unavailable`."""
        reply = await self._command("PING")
        if reply != "PONG":
            raise Unavailable("The scanner does not answer as ClamAV does.", reason=reply)
        return f"{await self._command('VERSION')} at {self._address.path or f'{self._address.host}:{self._address.port}'}"

    def _too_large(self, version: ScannerVersion) -> ScanResult:
        return ScanResult(verdict=ScanVerdict.TOO_LARGE, version=version, reason=f"it has more than {self._max_bytes} bytes")

    async def _command(self, command: str) -> str:
        async with self._connected() as connection:
            await self._send(connection, f"z{command}\0".encode())
            return await self._reply(connection)

    async def _stream(self, connection: socket.socket, content: AsyncIterable[bytes]) -> str | None:
        """Return clamd's reply; None if the content is too large. A connection that clamd has ended may hold its reply."""
        sent = 0
        with suppress(_ConnectionFailed):
            await self._send(connection, b"zINSTREAM\0")
            async for piece in content:
                for at in range(0, len(piece), _PIECE):
                    part = piece[at : at + _PIECE]
                    sent += len(part)
                    if sent > self._max_bytes:
                        return None
                    await self._send(connection, struct.pack(">I", len(part)) + part)
            await self._send(connection, struct.pack(">I", 0))
        return await self._reply(connection)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[socket.socket]:
        connection = await self._connect()
        try:
            yield connection
        finally:
            connection.close()

    async def _connect(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        address = self._address
        if address.path:
            families: list[tuple[int, Any]] = [(socket.AF_UNIX, address.path)]
        else:
            found = await self._timed(loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))
            families = [(family, target) for family, _, _, _, target in found]
        failure: _ConnectionFailed | None = None
        for family, target in families:
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                await self._timed(loop.sock_connect(connection, target))
            except BaseException as error:
                connection.close()
                if not isinstance(error, _ConnectionFailed):
                    raise
                failure = error
            else:
                return connection
        raise failure or _ConnectionFailed("The scanner has no address.")

    async def _send(self, connection: socket.socket, data: bytes) -> None:
        await self._timed(asyncio.get_running_loop().sock_sendall(connection, data))

    async def _reply(self, connection: socket.socket) -> str:
        reply = b""
        while not reply.endswith(b"\0") and len(reply) < _MAX_REPLY:
            piece = await self._timed(asyncio.get_running_loop().sock_recv(connection, _MAX_REPLY))
            if not piece:
                raise _ConnectionFailed("The scanner ended the connection without a verdict.", reason="the connection was closed")
            reply += piece
        return reply.rstrip(b"\0").decode("utf-8", "replace")

    async def _timed[T](self, step: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await step
        except OSError as error:  # TimeoutError is one
            raise _ConnectionFailed("The scanner cannot be used.", reason=error) from error


def _result(reply: str, version: ScannerVersion) -> ScanResult:
    """The verdict of a reply to INSTREAM: `stream: OK`, `stream: <signature> FOUND`, or an error."""
    verdict = reply.removeprefix("stream: ")
    signature = verdict.removesuffix(" FOUND")
    if verdict == "OK":
        return ScanResult(verdict=ScanVerdict.CLEAN, version=version)
    if signature.startswith(_LIMITS) or reply.startswith(_STREAM_LIMIT):
        return ScanResult(verdict=ScanVerdict.TOO_LARGE, version=version, reason=signature)
    if verdict.endswith(" FOUND"):
        return ScanResult(verdict=ScanVerdict.FOUND, version=version, signature=signature)
    return ScanResult(verdict=ScanVerdict.UNAVAILABLE, version=version, reason=reply)
