"""The supervisor's side of its child processes: server processes and the background worker.

A server process receives its work over a socket, and ends when the socket closes first. A worker that ends is restarted; the delay doubles
while it keeps ending early. This module imports little: `serve` creates a server process before anything else.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from api_base.core.shared.least_privilege import environment_for
from api_base.core.shared.parent_death import die_with_parent
from api_base.serving.signals import block

MAX_LINE_BYTES: Final = 1 << 20
"""Maximum bytes of the message that starts a server process."""
READY: Final = b"r"
"""The byte that a process sends when it begins to serve."""
PREPARE: Final = b"p"
"""The byte that a process sends when the database must be prepared before it serves. The answer is the exit code of the preparation."""
LOGIN: Final = b"l"
"""The byte that a process sends when the login of the first run is unused."""

TEMPORARY: Final = 75
"""The exit code of a process that may be started again: the database starts, or has no connection to spare (EX_TEMPFAIL, sysexits.h)."""
MIN_RESTART_DELAY: Final = 0.5
MAX_RESTART_DELAY: Final = 30.0


class ServerProcess:
    """A server process. It imports immediately and waits for `serve`."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._received = b""
        with theirs:
            self.process = start(
                "api_base.serving.server_process",
                str(theirs.fileno()),
                environment=environment_for("server", os.environ),
                pass_fds=(theirs.fileno(),),
            )
        self.started_at = time.monotonic()

    def ready(self) -> bool:
        """Return whether the process serves. Never waits."""
        return self.has_sent(READY)

    def has_sent(self, byte: bytes) -> bool:
        """Return whether the process has sent this byte. Never waits."""
        self._channel.setblocking(False)
        with suppress(OSError):  # it has sent nothing yet, or it has ended
            self._received += self._channel.recv(16)
        return byte in self._received

    def prepared(self, code: int) -> None:
        """Answer `PREPARE` with the exit code of the preparation."""
        self._received = self._received.replace(PREPARE, b"", 1)
        with suppress(OSError):  # it has ended
            self._channel.send(bytes([code if code >= 0 else 1]))

    def serve(self, listener: socket.socket, variables: Mapping[str, str], *, seed: bool, reloading: bool) -> None:
        """Send the listening socket and environment variables. `seed` lets a first run create an administrator.

        `reloading`: the code changes often. The process then closes each connection after its response, so that no client keeps one to old code.
        """
        message = json.dumps({"variables": dict(variables), "seed": seed, "reloading": reloading}).encode()
        with suppress(OSError):  # it has ended; its supervisor sees that
            socket.send_fds(self._channel, [message], [listener.fileno()])

    def stop(self, number: signal.Signals) -> None:
        """Send `number`."""
        if self.process.poll() is None:
            self.process.send_signal(number)


class Backoff:
    """The seconds between two starts of a child, which double while it ends early."""

    def __init__(self) -> None:
        self._delay = MIN_RESTART_DELAY

    def due(self, started_at: float) -> bool:
        """Return whether the next child may start now. `started_at`: when the last one started, on the monotonic clock."""
        lived = time.monotonic() - started_at
        if lived < self._delay:
            return False
        self._delay = MIN_RESTART_DELAY if lived > MAX_RESTART_DELAY else min(self._delay * 2, MAX_RESTART_DELAY)
        return True


def start(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a child in a separate session, so that Ctrl-C reaches it only through this process. It ends with this process.

    The signals that `serving.signals` handles are blocked in the child until it has handlers.
    """
    die = die_with_parent(signal.SIGTERM)

    def set_up() -> None:
        block()
        if die is not None:
            die()

    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=set_up,
    )


class WorkerProcess:
    """The worker process; the first `ensure_running` starts it. `variables` is its environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._backoff, self._started_at = Backoff(), 0.0
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
        """Ask the worker to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def _due(self, code: int) -> bool:
        """Return whether the next worker may start now."""
        if self._replaced:
            self._backoff = Backoff()
            return True
        if not self._backoff.due(self._started_at):
            return False
        print(f"api-base: the worker ended with code {code}; restarting it", file=sys.stderr)
        return True
