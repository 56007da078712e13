"""Graceful shutdown of a server process [RFC 9112 §9.6]: it accepts no new connection and answers the requests on its open ones with
`Connection: close`.

A connection that is idle when the shutdown begins stays open for the keep-alive time: its client may have sent the next request already.
That request is answered, with `Connection: close`. So a shutdown closes no idle connection earlier than the keep-alive timeout would.
WebSockets are closed one after the other during the same time, so that their clients do not all reconnect in one moment.
"""

import asyncio
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from socket import socket
from types import FrameType
from typing import TYPE_CHECKING, Final

from uvicorn import Config, Server
from uvicorn.server import HANDLED_SIGNALS

from api_base.serving.accepting import Acceptor
from api_base.serving.connection import Connection
from api_base.serving.open_connections import OpenConnections

if TYPE_CHECKING:
    from api_base.interface.websocket.connection import WebSocketConnection

_TICK: Final = 0.05
SWEEP_SECONDS: Final = 0.1
"""Seconds between two checks for what has waited too long."""


class DrainingServer(Server):
    """Serves until SIGTERM or SIGINT. SIGINT comes from a keyboard, so it closes idle connections immediately."""

    def __init__(
        self,
        config: Config,
        state: OpenConnections,
        *,
        shutdown_timeout: float,
        on_started: Callable[[], None],
        on_drain: Callable[[], None],
    ) -> None:
        """`shutdown_timeout`: seconds from the signal until unanswered requests are cancelled.

        `on_started` is called once the server accepts, `on_drain` when it ends the responses that would never end by themselves.
        """
        super().__init__(config)
        self.server_state: OpenConnections = state
        self._shutdown_timeout, self._on_started, self._on_drain = shutdown_timeout, on_started, on_drain
        self._linger = min(float(config.timeout_keep_alive), shutdown_timeout)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals, but do not raise them again at the end as uvicorn does: that would end the process before its lifespan ends."""
        for number in HANDLED_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to accept connections. The signal handlers are installed by then."""
        self.servers = []
        self._acceptors = [Acceptor(listener, self.server_state, self._connection) for listener in sockets or ()]
        for acceptor in self._acceptors:
            acceptor.open()
        self.started = True
        self._sweep()
        self._on_started()

    def _connection(self, reserved: bool) -> Connection:
        connection = Connection(self.config, self.server_state, {})
        connection.reserved = reserved
        return connection

    def _sweep(self) -> None:
        asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        self.server_state.sweep()
        for acceptor in self._acceptors:
            acceptor.sweep()

    def _open_sockets(self) -> "Iterator[WebSocketConnection]":
        return (one for one in self.server_state.sockets if one.open)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown. A second SIGINT cancels unanswered requests."""
        if sig == signal.SIGINT:
            self._linger = 0.0
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Close the listening socket, wait until no connection is idle, then until every request is answered. Log the last refusals."""
        began = time.monotonic()
        for acceptor in self._acceptors:
            acceptor.close()
        self.server_state.draining = True
        self._on_drain()
        for connection in self.server_state.connections:
            if isinstance(connection, Connection):
                connection.drain()
        await asyncio.sleep(_TICK)  # the last accepted connection is not in the set yet
        part = math.ceil(len(self.server_state.sockets) * _TICK / max(_TICK, self._linger - 2 * _TICK))
        while (self.server_state.connections or self.server_state.sockets) and time.monotonic() < began + self._linger:
            for websocket in list(islice(self._open_sockets(), part)):
                websocket.drain()
            await asyncio.sleep(_TICK)
        for websocket in list(self._open_sockets()):
            websocket.drain()
        while self.server_state.sockets:  # each has a deadline
            await asyncio.sleep(_TICK)
        self.config.timeout_graceful_shutdown = max(1, math.ceil(began + self._shutdown_timeout - time.monotonic()))
        await super().shutdown(sockets)
        self.server_state.refusals.write(math.inf)
