"""What a parent such as systemd passes to the supervisor, and what the supervisor reports to it.

That is the listening socket [sd_listen_fds(3)], and the state of the service [sd_notify(3), systemd.service(5): Type=notify-reload].
Without a parent that passes a socket, one is bound here.

An inherited socket outlives every process that serves on it, and clients that connect between two processes wait in its queue. With
SO_REUSEPORT each process would have a separate queue, and the connections in the queue of a process that ends would be reset.
"""

import os
import socket
import time
from typing import Final

from api_base.core.config.server import ServerSettings
from api_base.core.errors import ConfigurationError

BACKLOG: Final = 2048
_FIRST: Final = 3
"""SD_LISTEN_FDS_START."""


def listen(server: ServerSettings) -> socket.socket:
    """Return the socket to serve on. Raises `ConfigurationError` when the port is in use or the inherited socket does not listen."""
    return _inherited() or _bound(server)


def _inherited() -> socket.socket | None:
    """Return the socket that this process inherits, or None. Removes the variables, which its children must not see."""
    process, count, _ = (os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if process != str(os.getpid()):
        return None
    try:
        listener = socket.socket(fileno=_FIRST)
    except OSError:
        listener = None
    if count != "1" or listener is None or not _accepts(listener):
        raise ConfigurationError("LISTEN_FDS: pass exactly one listening TCP socket (Accept=no).")
    listener.set_inheritable(False)
    return listener


def _accepts(listener: socket.socket) -> bool:
    tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
    return tcp and bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _bound(server: ServerSettings) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((server.host, server.port))
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {server.host}:{server.port}: {error.strerror}. Stop the program that uses it, or choose another port: --port {server.port + 1}"
        ) from None
    listener.listen(BACKLOG)
    return listener


READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def reloading() -> str:
    """The message that processes are being replaced; `READY` follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


class Notifier:
    """Sends datagrams to `NOTIFY_SOCKET`, until sending fails once."""

    def __init__(self) -> None:
        """Remove the variable from the environment: children must not use it."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def notify(self, state: str) -> None:
        """Send `READY`, `STOPPING` or the result of `reloading`. Never raises."""
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            try:
                channel.sendto(state.encode(), address)
            except OSError:
                self._address = ""
