"""The supervisor's side of its child processes: server processes and the background worker.

A server process receives its work over a socket, and ends when the socket closes first. A worker that ends is restarted; the delay doubles
while it keeps ending early. This module imports little: `serve` creates a server process before anything else.
"""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from api_base.core.shared.parent_death import die_with_parent

MAX_LINE_BYTES: Final = 1 << 20
"""Maximum bytes of the message that starts a server process."""
READY: Final = b"r"
"""The byte that a process sends when it begins to serve."""


class ServerProcess:
    """A server process. It imports immediately and waits for `serve`."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process = start("api_base.serving.server_process", str(theirs.fileno()), pass_fds=(theirs.fileno(),))

    def ready(self) -> bool:
        """Return whether the process serves. Never waits."""
        self._channel.setblocking(False)
        try:
            return self._channel.recv(1, socket.MSG_PEEK) == READY
        except OSError:  # it does not serve yet, or it has ended
            return False

    def serve(self, listener: socket.socket, variables: Mapping[str, str], *, seed: bool) -> None:
        """Send the listening socket and environment variables. `seed` lets a first run create an administrator."""
        message = json.dumps({"variables": dict(variables), "seed": seed}).encode()
        socket.send_fds(self._channel, [message], [listener.fileno()])

    def stop(self, number: signal.Signals) -> None:
        """Send `number`, or SIGTERM before the process serves: SIGINT would interrupt its imports with a traceback."""
        if self.process.poll() is None:
            self.process.send_signal(number if self.ready() else signal.SIGTERM)


def start(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a child in a separate session, so that Ctrl-C reaches it only through this process. It ends with this process."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )


_MIN_RESTART_DELAY: Final = 0.5
_MAX_RESTART_DELAY: Final = 30.0


class WorkerProcess:
    """The worker process; the first `ensure_running` starts it. `variables` is its environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._delay, self._started_at = _MIN_RESTART_DELAY, 0.0
        self._replaced = False
        self.process: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> None:
        """Start the worker unless it runs or its restart delay has not passed."""
        if self.process is not None:
            if self.process.poll() is None or not self._due(self.process.returncode):
                return
            self._replaced = False
        self._started_at = time.monotonic()
        self.process = start("api_base.cli", "worker", environment=self._variables)

    def replace(self) -> None:
        """Stop the worker, which finishes its current work. `ensure_running` starts a new one after it."""
        if self.process is not None and self.process.poll() is None:
            self._replaced = True
            self.process.terminate()

    def stop(self) -> None:
        """Ask the worker to end. SIGTERM also after Ctrl-C: SIGINT would interrupt its imports with a traceback."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def _due(self, code: int) -> bool:
        """Return whether the next worker may start now."""
        lived = time.monotonic() - self._started_at
        if self._replaced:
            self._delay = _MIN_RESTART_DELAY
            return True
        if lived < self._delay:
            return False
        print(f"api-base: the worker ended with code {code}; restarting it", file=sys.stderr)
        self._delay = _MIN_RESTART_DELAY if lived > _MAX_RESTART_DELAY else min(self._delay * 2, _MAX_RESTART_DELAY)
        return True
