"""The input of a connection: bounded in bytes, fields and requests before a request is whole, and checked where the parser does not:
the request line and `Host` [RFC 9112, sections 2.3, 3 and 3.2]."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api_base.interface.middleware.production import EXEMPT
from api_base.serving.refusals import (
    HEADER_TOO_LARGE,
    HOST_MISSING,
    MALFORMED,
    MISDIRECTED,
    OTHER_VERSION,
    OVERLOADED,
    TARGET_TOO_LONG,
    Refusal,
)
from api_base.serving.turn import free

if TYPE_CHECKING:
    import asyncio

    from api_base.serving.open_connections import OpenConnections

MAX_PIPELINED: Final = 64
"""Requests that may wait on one connection for the response to the first."""

_SUPPORTED: Final = (b" HTTP/1.1", b" HTTP/1.0")
_SPACES: Final = 2
_MAX_HOST: Final = 300
"""Bytes of a host with its port: a name has at most 253 [RFC 1035, section 2.3.4]. The cache keeps no longer ones."""
_VERSION: Final = re.compile(rb"[^ ]+ [^ ]+ HTTP/[0-9]\.[0-9]")
_HOST: Final = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]*)?", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_EXEMPT: Final = tuple(path.encode() for path in EXEMPT)
"""Probes address a process by its number, whatever the public name is."""


def refused_line(line: bytes) -> Refusal | None:
    """Return why a request line, without its line end, is refused; None if its version is supported."""
    if line.endswith(_SUPPORTED) and line.count(b" ") == _SPACES:
        return None
    return OTHER_VERSION if _VERSION.fullmatch(line) else MALFORMED


def is_exempt(begun: bytes) -> bool:
    """Return whether a request that has begun to arrive is for a path that needs no admission: probes and metrics."""
    return begun.partition(b" ")[2].startswith(_EXEMPT)


def authority_of(target: bytes) -> tuple[bytes, bytes] | None:
    """Return host with port, and path with query, of a target in absolute form; None for any other form."""
    found = _ABSOLUTE.match(target)
    if found is None:
        return None
    rest = target[found.end() :]
    return found[1], rest if rest.startswith(b"/") else b"/" + rest


class Hosts:
    """`allowed` are host names, addresses, or `*.` and a domain; empty for any host."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._names = frozenset(name.encode() for name in allowed if not name.startswith("*."))
        self._domains = tuple(name[1:].encode() for name in allowed if name.startswith("*."))
        self._refused = lru_cache(1024)(self._check)

    def refused(self, hosts: Sequence[bytes], target: bytes, *, required: bool) -> Refusal | None:
        """Return why a request is refused for its `Host` header lines. `required`: its version of HTTP requires one."""
        if len(hosts) == 1:
            refusal = self._refused(hosts[0]) if len(hosts[0]) <= _MAX_HOST else HOST_MISSING
        elif hosts or required:
            return HOST_MISSING
        else:
            refusal = MISDIRECTED if self._names or self._domains else None
        return None if refusal is MISDIRECTED and target.startswith(_EXEMPT) else refusal

    def _check(self, host: bytes) -> Refusal | None:
        found = _HOST.fullmatch(host)
        if found is None:
            return HOST_MISSING
        name = found[1].lower().rstrip(b".").strip(b"[]")
        allowed = name in self._names or name.endswith(self._domains) or not (self._names or self._domains)
        return None if allowed else MISDIRECTED


class Refused(Exception):
    """Raised inside the parser, which stops."""


class BoundedInput(HttpToolsProtocol, ABC):
    """uvicorn's protocol with bounded input. The parser bounds nothing, so the input is parsed in pieces of the maximum header size, and the
    bytes since the last part of a body are counted: a header section, chunk extensions and trailers.
    """

    server_state: "OpenConnections"

    def __init__(
        self,
        config: Config,
        server_state: "OpenConnections",
        app_state: dict[str, object],
        _loop: "asyncio.AbstractEventLoop | None" = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limit, self._max_fields = server_state.settings.max_header_bytes, server_state.settings.max_header_fields
        self._framing = 0
        """Bytes since the request or the last part of its body began, at most one piece too many."""
        self._line: bytes | bytearray | None = b""
        """The request line as far as it arrived; None behind it."""
        self._refusal: Refusal | None = None
        """Why the input is refused from here on."""
        self._path = b""
        self._parts: list[bytes] = []
        """The parts of a body in the current piece of input."""
        self._stays = False
        """Whether the parser has stopped at a request for another protocol, which is answered in this one."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Answer and close."""

    @abstractmethod
    def discard(self, size: int) -> None:
        """Note input of `size` bytes that is not parsed."""

    @abstractmethod
    def note_input(self) -> None:
        """Note that a part of a request has arrived."""

    @abstractmethod
    def upgrade(self, *, early: bool) -> None:
        """Handle a request for another protocol, once it is complete. `early`: input of that protocol has arrived already."""

    def drop_input(self) -> None:
        """Free what has arrived: nothing more is parsed, since the client is refused or speaks another protocol now."""
        self.drop_answered()
        self.parser, self.scope = None, None  # type: ignore[assignment]  # as uvicorn does when a connection is lost
        self._line, self.url, self.headers = None, b"", []
        for cycle, _ in self.pipeline:  # they do not begin
            cycle.disconnected = True
            free(cycle)
        self.pipeline.clear()

    def drop_answered(self) -> None:
        """Free a request that is answered: its client may stay connected and idle."""
        self._path = b""
        cycle = self.cycle
        if cycle is None or not cycle.response_complete:  # it is refused, or another one of the pipeline
            return
        if self.scope is cycle.scope:  # no other request has begun to arrive
            self.scope, self.url = None, b""  # type: ignore[assignment]
        free(cycle)

    @property
    def refused(self) -> bool:
        """Whether further input is discarded."""
        return self._refusal is not None

    def data_received(self, data: bytes) -> None:
        """Parse input in pieces, until it is refused. What a refused client sends is discarded."""
        if self._line is not None and not self.refused:
            data = self._whole_line(self._line, data)
        for start in range(0, len(data), self._limit):
            if self.refused:
                self.discard(len(data) - start)
                return
            self._parse(data if len(data) <= self._limit else data[start : start + self._limit])

    def _whole_line(self, begun: bytes | bytearray, data: bytes) -> bytes:
        """Return the input from its request line on, or nothing while the line is not complete. Checks what the parser leaves out.

        An empty line before it is skipped [RFC 9112, section 2.2]. Only new input is searched: a line may arrive byte by byte.
        """
        if not begun:
            data = data.lstrip(b"\r\n")
        end, size = data.find(b"\n", 0, max(0, self._limit - len(begun))), len(begun) + len(data)
        if end >= 0:
            self._line, data, end = None, bytes(begun + data) if begun else data, end + len(begun)
            refusal = refused_line(data[:end].rstrip(b"\r"))
        else:
            refusal = TARGET_TOO_LONG if size > self._limit else None
        if refusal is not None:
            self.refuse(refusal)
        elif end < 0:
            begun = begun if isinstance(begun, bytearray) else bytearray(begun)
            begun += data
            self._line = begun
            self.note_input()
        return data if self._line is None else b""

    def _parse(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
            self._pass_body()
        except httptools.HttpParserUpgrade as upgrade:
            rest = piece[upgrade.args[0] :]
            if self._stays:
                self._parse(self._without_upgrade() + rest)
                return
            self.upgrade(early=bool(rest))
        except httptools.HttpParserError:
            self._parts.clear()
            self.refuse(self._refusal or MALFORMED)
            return
        self._framing += len(piece)
        if self._framing > 2 * self._limit:
            self.refuse(HEADER_TOO_LARGE)
        self.note_input()

    def _is_handshake(self) -> bool:
        """Whether the request is one for a WebSocket [RFC 6455, section 4.1]."""
        parser = self.parser
        return parser.get_method() == b"GET" and self._get_upgrade() == b"websocket" and parser.get_http_version() == "1.1"

    def _without_upgrade(self) -> bytes:
        """Return the header section without `Upgrade`, for a new parser: the old one takes the body for the other protocol's.

        Java's HttpClient asks for HTTP/2 like this with each first request of a connection, also with a body.
        """
        method, url, version, headers = self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers
        self._stays, self.parser = False, httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        lines = [b"%b: %b" % one for one in headers if one[0] != b"upgrade"]
        return b"\r\n".join([b"%b %b HTTP/%b" % (method, url, version.encode()), *lines, b"", b""])

    def on_message_begin(self) -> None:
        """Begin a request. One that begins in the same piece in which another ends has only its version checked."""
        self._framing, self._line = 0, None
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field or a trailer, up to their maximum number."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        if len(self.headers) > self._max_fields:
            self._refusal, self._path = HEADER_TOO_LARGE, self.url.partition(b"?")[0]
            raise Refused

    def on_headers_complete(self) -> None:
        """Check the header section, then start the request."""
        tunnel = self.parser.get_method() == b"CONNECT"  # which is refused
        self._stays = self.parser.should_upgrade() and not (tunnel or self._is_handshake())
        if self._stays:
            return
        self._path = self.url.partition(b"?")[0]
        self._refusal = self._refused_head()
        if self._refusal is not None:
            raise Refused
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self.headers = []  # what follows are trailers, which are no headers [RFC 9110, section 6.5.1]

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body. A part may be one byte, so the parts of one piece of input are passed on together."""
        self._framing = 0
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Pass the rest of the body on, and end the input of the request."""
        if self._stays:
            return
        self._pass_body()
        super().on_message_complete()
        if self.headers:
            self.headers = []  # trailers

    def _pass_body(self) -> None:
        if self._parts:
            body, self._parts = b"".join(self._parts), []
            super().on_body(body)

    def _refused_head(self) -> Refusal | None:
        headers = self.headers
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return OTHER_VERSION
        if len(self.pipeline) >= MAX_PIPELINED:
            return OVERLOADED
        if len(self.url) > self._limit:
            return TARGET_TOO_LONG
        if self._framing and len(self.url) + sum(len(name) + len(value) + 4 for name, value in headers) > self._limit:
            return HEADER_TOO_LARGE
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) == 1 and not self.url.startswith(b"/") and (found := authority_of(self.url)):  # it counts, not the header
            hosts, self.url = [found[0]], found[1]
            headers[:] = [(name, found[0] if name == b"host" else value) for name, value in headers]
        return self.server_state.hosts.refused(hosts, self.url, required=version == "1.1")
