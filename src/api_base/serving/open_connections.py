"""The connections of a server process: how many there may be, in total and from one address, and which one gives way."""

import contextvars
import resource
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, cast

from uvicorn.server import ServerState

from api_base.core.config.server import ServerSettings
from api_base.interface.middleware.fixed_answers import FixedAnswers
from api_base.serving.admission import Admission
from api_base.serving.refusals import Refusal, RefusalLog
from api_base.serving.request_input import Hosts

if TYPE_CHECKING:
    from api_base.interface.websocket.connection import WebSocketConnection
    from api_base.serving.connection import Connection

CLOSE: Final = (b"connection", b"close")
RESERVED_FILES: Final = 200
"""Files that the process needs for anything but connections of clients."""
MAX_LINGERING: Final = 100
"""Refused connections that may stay open beyond the limit until their client has read the answer."""


class OpenConnections(ServerState):
    """The state that all connections of a process share. `clock` returns seconds on the event loop's clock.

    `keep_alive`: whether a connection serves more than one request, unless the process is `draining`.
    """

    def __init__(self, server: ServerSettings, clock: Callable[[], float], *, keep_alive: bool = True) -> None:
        super().__init__()
        self.settings, self.clock, self.keep_alive = server, clock, keep_alive
        self.draining = False
        self.answers, self.refusals, self.hosts = FixedAnswers(server), RefusalLog(), Hosts(server.allowed_hosts)
        self.admission = Admission(server.concurrency, clock)
        self.context = contextvars.copy_context()
        """What the tasks of requests inherit: nothing of another request."""
        self.waiting: dict[Connection, None] = {}
        """Connections without a request in work, in the order in which they began to wait."""
        self.sockets: dict[WebSocketConnection, str] = {}
        """The WebSockets, which are not among `connections`, with the key of their address."""
        self._addresses: dict[str, int] = {}
        self.max_connections = self._max(server.max_connections)
        self.starting = 0
        """Accepted connections that are not among `connections` yet."""
        trusted = [ip_network(one, strict=False) for one in server.trusted_proxies]
        self.address_key = lru_cache(4096)(lambda address: _key(address, trusted))

    @staticmethod
    def _max(wanted: int) -> int:
        files = open_file_limit(2 * wanted + RESERVED_FILES)
        return min(wanted, (files - RESERVED_FILES) // 2)

    @property
    def room(self) -> int:
        """How many more connections there may be."""
        return self.max_connections - len(self.connections) - self.starting

    @property
    def startable(self) -> int:
        """How many new connections start immediately. Idle ones give way to them unless the process is overloaded."""
        return self.room + (0 if self.admission.stressed else len(self.waiting))

    @property
    def deferring(self) -> bool:
        """Whether plain requests wait unparsed: the process is overloaded, and not about to end."""
        return self.admission.stressed and not self.draining

    def enter(self, connection: "Connection", address: str) -> bool:
        """Count a new connection. Return whether it may stay; the connection that has waited longest may have to close for it."""
        if address:
            count = self._addresses[address] = self._addresses.get(address, 0) + 1
            if count > self.settings.max_connections_per_address:
                return False
        if len(self.connections) > self.max_connections:
            if connection.reserved:
                return not self.crowded
            longest = next(iter(self.waiting), None)
            if longest is None:
                return False
            del self.waiting[longest]  # it is lost in the next turn: another new connection closes another
            longest.give_way()
        return True

    @property
    def crowded(self) -> bool:
        """Whether no refused connection may stay open for its answer."""
        return len(self.connections) > self.max_connections + MAX_LINGERING

    def leave(self, connection: "Connection", address: str) -> None:
        """Forget a closed connection."""
        self.waiting.pop(connection, None)
        self._leave(address)

    def leave_socket(self, socket: "WebSocketConnection") -> None:
        """Forget a closed WebSocket."""
        self._leave(self.sockets.pop(socket))

    def _leave(self, address: str) -> None:
        if address:
            left = self._addresses[address] - 1
            if left:
                self._addresses[address] = left
            else:
                del self._addresses[address]

    def answer(
        self,
        refusal: Refusal,
        headers: Iterable[tuple[bytes, bytes]] = (),
        *,
        close: bool = True,
        path: bytes = b"",
        head_only: bool = False,
    ) -> bytes:
        """Return the answer to a request with these `headers`."""
        added = [*self.default_headers, CLOSE] if close else self.default_headers
        return self.answers.render(refusal.error, added, path=path, head_only=head_only, request=headers)

    def sweep(self) -> None:
        """End what has waited too long: connections for their client, requests for their start. Called several times a second."""
        now = self.clock()
        for connection in [one for one in cast("set[Connection]", self.connections) if one.deadline <= now]:
            connection.expire()
        for socket in [one for one in self.sockets if one.deadline <= now]:
            socket.expire()
        self.admission.expire()
        self.refusals.write(now)


def _key(address: str, trusted: Iterable[IPv4Network | IPv6Network]) -> str:
    """The key under which connections of an address are counted: IPv6 by /64; empty for trusted proxies, loopback and unknown addresses."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback or any(parsed in network for network in trusted):
        return ""
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def open_file_limit(needed: int) -> int:
    """Raise the limit of open files of this process to `needed`, as far as it may, and return it [setrlimit(2)]."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
