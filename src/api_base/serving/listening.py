"""The listening socket: inherited from the parent [sd_listen_fds(3)], or bound here.

An inherited socket outlives every process that serves on it, and clients that connect between two processes wait in its queue. With
SO_REUSEPORT each process would have a separate queue, and the connections in the queue of a process that ends would be reset.
"""

import os
import socket
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
