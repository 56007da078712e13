"""The supervisor's side of a server process. What it is handed goes over a socket of its own; when that closes first, it ends.

Imports little: `serve` makes one of these before anything else.
"""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from api_base.core.shared.parent_death import die_with_parent

MAX_LINE_BYTES: Final = 1 << 20
"""Bytes of what is handed over."""
READY: Final = b"r"
"""What a process answers when it serves."""


class ServerProcess:
    """The supervisor's side. The process begins to import at once, and serves when it is told to."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process = start("api_base.serving.server_process", str(theirs.fileno()), pass_fds=(theirs.fileno(),))

    def ready(self) -> bool:
        """Whether it serves by now. Never waits."""
        self._channel.setblocking(False)
        try:
            return self._channel.recv(1, socket.MSG_PEEK) == READY
        except OSError:  # not yet, or it has ended
            return False

    def serve(self, listener: socket.socket, variables: Mapping[str, str], *, seed: bool) -> None:
        """Hand over the listening socket and environment variables. `seed`: see to a first run."""
        message = json.dumps({"variables": dict(variables), "seed": seed}).encode()
        socket.send_fds(self._channel, [message], [listener.fileno()])


def start(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches it through us; it ends when we do."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
