"""How a server process ends [RFC 9112 §9.6]: it takes no new connection, answers what comes on those it has, and says `Connection: close`.

A connection that is idle when the end begins is kept for as long as an idle one always is, for its client may have sent the next
request already: that is answered, and the client told to go elsewhere. So ending closes no connection earlier than waiting would have.
"""

import asyncio
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from types import FrameType
from typing import Final

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import HANDLED_SIGNALS, ServerState

_TICK: Final = 0.05


class _State(ServerState):
    """What all connections of a process share."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False


class DrainingConnection(HttpToolsProtocol):
    """A connection whose last answer says that it is the last."""

    server_state: _State

    def on_headers_complete(self) -> None:
        """A request's head has come, at the end too: the answer says that it is the last."""
        super().on_headers_complete()  # begins a task: it has not run yet
        if self.server_state.draining:
            self.drain()

    def drain(self) -> None:
        """Close after the request in hand, unless its answer has begun without saying so: then after the next."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False


class DrainingServer(Server):
    """Serves until SIGTERM or SIGINT. The latter is somebody at a keyboard: idle connections are closed at once."""

    def __init__(self, config: Config, *, patience: float) -> None:
        """`patience`: seconds from the signal until what is not answered is cancelled."""
        super().__init__(config)
        self.server_state = _State()
        self._patience = patience
        self._linger = min(float(config.timeout_keep_alive), patience)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Where uvicorn raises the signal again once it has served, which would end the process before its lifespan does."""
        for number in HANDLED_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second SIGINT ends without answering."""
        if sig == signal.SIGINT:
            self._linger = 0.0
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let go of the listening socket, wait for idle connections to be used or to go, then for what is in hand."""
        began = time.monotonic()
        for server in self.servers:
            server.close()
        assert isinstance(self.server_state, _State)  # made so by __init__
        self.server_state.draining = True
        for connection in self.server_state.connections:
            if isinstance(connection, DrainingConnection):
                connection.drain()
        await asyncio.sleep(_TICK)  # what was accepted last is not among the connections yet
        while self.server_state.connections and time.monotonic() < began + self._linger:
            await asyncio.sleep(_TICK)
        self.config.timeout_graceful_shutdown = max(1, math.ceil(began + self._patience - time.monotonic()))
        await super().shutdown(sockets)
