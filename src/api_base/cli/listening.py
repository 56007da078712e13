"""Takes the port before anything is started, so that a port in use is told at once."""

import errno
import socket

from api_base.core.errors import ConfigurationError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises `ConfigurationError` in one sentence where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise ConfigurationError(f"SERVER__HOST: {host!r} is no address of this machine: {error.strerror}.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_meaning(error, host, port)) from None
    return listener


def _meaning(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another process: end it, or choose another port with --port (SERVER__PORT)."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} may not be opened by this user: choose one above 1023 with --port (SERVER__PORT)."
    return f"Port {port} on {host} cannot be opened: {error.strerror}. Choose another address with --host and --port."
