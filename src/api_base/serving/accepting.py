"""Accepts connections, many in one turn of the event loop.

libuv accepts one in each turn. A turn of a busy process takes tens of milliseconds, so new connections would wait until their clients leave,
and the process would then accept those that have left.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from api_base.serving.pending_connections import PendingConnections

if TYPE_CHECKING:
    from api_base.serving.open_connections import OpenConnections

MAX_ACCEPTS: Final = 128
"""Connections in one turn."""
RETRY_DELAY: Final = 0.5
"""Seconds after which accepting is tried again when the system has no resources for a connection [accept(2)]."""
_NO_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Accepts on `listener` between `open` and `close`. `connected` makes the protocol of a connection."""

    def __init__(self, listener: socket.socket, state: "OpenConnections", connected: Callable[[bool], asyncio.Protocol]) -> None:
        self._listener, self._state, self._connected = listener, state, connected
        self._pending = PendingConnections(state, self._begin)
        self._loop = asyncio.get_running_loop()
        self._starting: set[asyncio.Task[object]] = set()
        self._retry: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to accept."""
        self._retry = None
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Accept no more. Connections are refused from now on, unless another process serves on the same socket."""
        self._pending.start_all()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        if self._retry is not None:
            self._retry.cancel()

    def sweep(self) -> None:
        """Start or refuse connections that wait. Called several times a second."""
        self._pending.sweep()

    def _accept(self) -> None:
        startable = self._state.startable
        for number in range(MAX_ACCEPTS):
            try:
                client, _address = self._listener.accept()
            except OSError as error:
                if error.errno in _NO_RESOURCES:
                    self._loop.remove_reader(self._listener)
                    self._retry = self._loop.call_later(RETRY_DELAY, self.open)
                return
            client.setblocking(False)
            if number < startable:
                self._begin(client, False)
            else:
                self._pending.add(client)

    def _begin(self, client: socket.socket, reserved: bool) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._state.starting += 1
        task = self._loop.create_task(self._start(client, reserved))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self, client: socket.socket, reserved: bool) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._connected(reserved), client)
        except OSError:  # the client has left
            client.close()
        finally:
            self._state.starting -= 1
