"""The listening socket: one that a parent hands over [sd_listen_fds(3)], or one of our own.

A socket that is handed over outlives every process that serves on it, and what connects meanwhile waits in its queue. With
SO_REUSEPORT each would have a queue of its own, and what waits in that of the one that ends would be reset.
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
    """The socket to serve on. Raises `ConfigurationError` where the port is taken, or what is handed over cannot be served on."""
    return _inherited() or _bound(server)


def _inherited() -> socket.socket | None:
    """What is handed over to this process; the variables that say so are not for its children."""
    process, count, _ = (os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if process != str(os.getpid()):
        return None
    try:
        listener = socket.socket(fileno=_FIRST)
    except OSError:
        listener = None
    if count != "1" or listener is None or not _accepts(listener):
        raise ConfigurationError("LISTEN_FDS: exactly one listening TCP socket can be handed over (Accept=no).")
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
            f"Cannot listen on {server.host}:{server.port}: {error.strerror}. Stop what listens there, or choose another: --port {server.port + 1}"
        ) from None
    listener.listen(BACKLOG)
    return listener
