"""The server processes of one supervisor, on one listening socket: started together, replaced one by one ("rolling restart").

An old process is stopped when a new one serves, so the number of serving processes never falls; the old one answers its open requests.
When a new process fails to start (invalid settings, or a schema that is behind), the old processes continue.
"""

import socket
import sys
import time
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final

from api_base.serving.children import ServerProcess

_GRACE: Final = 2.0
"""Seconds after the shutdown timeout until a process is killed."""


class State(Enum):
    """The phase of the processes."""

    STARTING = auto()
    SERVING = auto()
    REPLACING = auto()


class ServerProcesses:
    """`first` prepares the schema and a first run; the others begin when it serves. A process may take `shutdown_timeout` seconds to end.

    `generation` counts the completed replacements.
    """

    def __init__(
        self, first: ServerProcess, count: int, listener: socket.socket, variables: Mapping[str, str], *, shutdown_timeout: float
    ) -> None:
        self._listener, self._variables, self._shutdown_timeout = listener, variables, shutdown_timeout
        self._serving = [first, *(ServerProcess() for _ in range(count - 1))]
        self._waiting = self._serving[1:]
        self._next: ServerProcess | None = None
        self._old: list[ServerProcess] = []
        self._leaving: list[tuple[ServerProcess, float]] = []
        self._replacement_requested = False
        self.state, self.generation = State.STARTING, 0
        first.serve(listener, variables, seed=True)

    @property
    def children(self) -> Sequence[ServerProcess]:
        """Return all processes that have not been reaped."""
        following = [self._next] if self._next else []
        return [*self._serving, *following, *(child for child, _ in self._leaving)]

    def replace(self) -> None:
        """Replace all processes once all serve. A request during a replacement starts another one after it."""
        self._replacement_requested = True

    def ensure_running(self) -> int | None:
        """Advance the start or the replacement. Returns the exit code of a serving process that ended by itself, otherwise None."""
        for child in self._serving:
            if (code := child.process.poll()) is not None:
                print(
                    f"api-base: a server process ended with code {code}; stopping all processes. Start `api-base serve` again.",
                    file=sys.stderr,
                )
                return code or 1
        if self.state is State.STARTING:
            self._start()
        elif self._replacement_requested and self.state is State.SERVING:
            self._old, self._replacement_requested, self.state = list(self._serving), False, State.REPLACING
        if self.state is State.REPLACING:
            self._replace()
        self._reap()
        return None

    def _start(self) -> None:
        if self._serving[0].ready():
            while self._waiting:
                self._waiting.pop().serve(self._listener, self._variables, seed=False)
        if all(child.ready() for child in self._serving):
            self.state = State.SERVING

    def _replace(self) -> None:
        if self._next is None:
            self._next = ServerProcess()
            self._next.serve(self._listener, self._variables, seed=False)
        elif self._next.process.poll() is not None:
            print(f"api-base: a new server process ended with code {self._next.process.returncode}; the old ones continue", file=sys.stderr)
            self._next, self._old, self.state = None, [], State.SERVING
        elif self._next.ready():
            old = self._old.pop(0)
            self._serving.remove(old)
            self._serving.append(self._next)
            self._next = None
            old.process.terminate()
            self._leaving.append((old, time.monotonic() + self._shutdown_timeout + _GRACE))
            if not self._old:
                self.state, self.generation = State.SERVING, self.generation + 1

    def _reap(self) -> None:
        for child, deadline in self._leaving[:]:
            if child.process.poll() is not None:
                self._leaving.remove((child, deadline))
            elif time.monotonic() > deadline:
                child.process.kill()
