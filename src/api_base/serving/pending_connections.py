"""Accepted connections that wait while the process has as many as it may have.

One of them costs a fraction of a connection whose request is parsed and answered, so an overloaded process keeps its time for the requests that
it serves.
"""

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_base.serving.admission import overdue
from api_base.serving.refusals import TOO_MANY_CONNECTIONS
from api_base.serving.request_input import is_exempt

if TYPE_CHECKING:
    from api_base.serving.open_connections import OpenConnections

MAX_STARTS: Final = 10
"""Connections that a sweep starts although the process is full. Each one closes the connection that has been idle longest."""
_PEEKED: Final = 64
_DRAINED: Final = 65_536


class PendingConnections:
    """The newest one starts first, because its client still waits; the oldest ones are refused. Probes start at the next sweep.

    `start` starts a connection; its second argument says whether it starts beyond the limit.
    """

    def __init__(self, state: "OpenConnections", start: Callable[[socket.socket, bool], None]) -> None:
        self._state, self._start = state, start
        self._silent = selectors.DefaultSelector()
        self._since: dict[socket.socket, float] = {}
        self._ready: dict[socket.socket, None] = {}
        """Those whose request has begun to arrive."""

    def add(self, client: socket.socket) -> None:
        """Let `client` wait. There is room for as many as there may be connections: beyond it, the oldest one is refused."""
        if len(self._since) >= self._state.max_connections:
            self._refuse(next(iter(self._since)))
        self._since[client] = self._state.clock()
        self._silent.register(client, selectors.EVENT_READ)

    def sweep(self) -> None:
        """Start what may start, and refuse what has waited too long, as `Admission.expire` does."""
        for key, _ in self._silent.select(0):
            assert isinstance(key.fileobj, socket.socket)
            self._silent.unregister(key.fileobj)
            self._examine(key.fileobj)
        state = self._state
        for _ in range(min(len(self._ready), max(0, state.room) + min(MAX_STARTS, len(state.waiting)))):
            self._begin(next(reversed(self._ready)), reserved=False)
        for client in list(islice(self._since, overdue(self._since.values(), len(self._since), state.clock()))):
            self._refuse(client)

    def start_all(self) -> None:
        """Start all: no further connection will come."""
        for client in list(self._since):
            self._begin(client, reserved=False)

    def _examine(self, client: socket.socket) -> None:
        try:
            begun = client.recv(_PEEKED, socket.MSG_PEEK)
        except OSError:
            begun = b""
        if not begun:  # the client has left
            self._forget(client)
            client.close()
        elif is_exempt(begun):
            self._begin(client, reserved=True)
        else:
            self._ready[client] = None

    def _begin(self, client: socket.socket, *, reserved: bool) -> None:
        self._forget(client)
        self._start(client, reserved)

    def _refuse(self, client: socket.socket) -> None:
        self._forget(client)
        state = self._state
        state.refusals.count(TOO_MANY_CONNECTIONS.reason)
        with suppress(OSError):
            client.recv(_DRAINED)  # what stays unread would reset the connection before the answer is read [RFC 9112, section 9.6]
        with suppress(OSError):
            client.send(state.answer(TOO_MANY_CONNECTIONS))
        client.close()

    def _forget(self, client: socket.socket) -> None:
        del self._since[client]
        if client in self._ready:
            del self._ready[client]
        elif client in self._silent.get_map():
            self._silent.unregister(client)
