"""The server processes of one supervisor, on one listening socket: started together, replaced one by one ("rolling restart").

An old process is stopped when a new one serves, so the number of serving processes never falls; the old one answers its open requests.
When a new process fails to start (invalid settings, or a schema that is behind), the old processes continue. A process that ends by itself is
replaced while the others serve on; only an error of the configuration before anything has served ends the start.

With `serve --reload` one process more stands by: it has imported the base, and imports the code of the contexts when it becomes the next one.
"""

import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final

from api_base.serving.children import TEMPORARY, Backoff, ServerProcess
from api_base.serving.standby import Standby

_GRACE: Final = 2.0
"""Seconds after the shutdown timeout until a process is killed."""


class State(Enum):
    """The phase of the processes."""

    STARTING = auto()
    SERVING = auto()
    REPLACING = auto()


class ServerProcesses:
    """`first` prepares the schema and a first run; the others begin when it serves. A process may take `shutdown_timeout` seconds to end.

    `generation` counts the completed replacements. `reloading`: they are frequent, for changes of the code.
    """

    def __init__(
        self,
        first: ServerProcess,
        count: int,
        listener: socket.socket,
        variables: Mapping[str, str],
        *,
        shutdown_timeout: float,
        reloading: bool = False,
    ) -> None:
        self._listener, self._variables, self._shutdown_timeout = listener, variables, shutdown_timeout
        self._reloading, self._standby = reloading, Standby() if reloading else None
        self._serving = [first, *(ServerProcess() for _ in range(count - 1))]
        self._waiting = self._serving[1:]
        self._next: ServerProcess | None = None
        self._old: list[ServerProcess] = []
        self._leaving: list[tuple[ServerProcess, float]] = []
        self._replacement_requested = self._have_served = False
        self._ended: list[ServerProcess] = []
        """Processes that ended by themselves and have no successor yet."""
        self._backoff = Backoff()
        self.state, self.generation = State.STARTING, 0
        self._serve(first, seed=True)

    @property
    def children(self) -> Sequence[ServerProcess]:
        """Return all processes that have not been reaped."""
        following = [one for one in (self._next, self._standby and self._standby.process) if one]
        return [*self._serving, *following, *(child for child, _ in self._leaving)]

    def replace(self, *, base: bool = False) -> None:
        """Replace all processes once all serve. A request during a replacement starts another one after it.

        `base`: the code of the base has changed, which the process that stands by has imported.
        """
        self._replacement_requested = True
        if base and self._standby is not None and (outdated := self._standby.discard()) is not None:
            self._leave(outdated)

    def ensure_running(self) -> int | None:
        """Advance the start or the replacement, and replace what ended. Returns the exit code of a start that failed, otherwise None."""
        self._have_served = self._have_served or any(child.ready() for child in self._serving)
        for child in self._serving[:]:
            code = child.process.poll()
            if code is not None and not self._have_served and code > 0 and code != TEMPORARY:
                print(f"api-base: a server process ended with code {code} before anything served", file=sys.stderr)
                return code
            if code is not None:
                self._lose(child, code)
        for child in self._ended[:]:
            if self._backoff.due(child.started_at):
                self._ended.remove(child)
                self._succeed()
        if self.state is State.STARTING:
            self._start()
        elif self._replacement_requested and self.state is State.SERVING:
            self._old, self._replacement_requested, self.state = list(self._serving), False, State.REPLACING
        if self.state is State.REPLACING:
            self._replace()
        elif self.state is State.SERVING and self._standby is not None:
            self._standby.ensure_running()
        self._reap()
        return None

    def _lose(self, child: ServerProcess, code: int) -> None:
        """Forget a process that ended. One that served has a successor immediately; else the delay doubles."""
        print(f"api-base: a server process ended with code {code}; starting another one", file=sys.stderr)
        if child.ready():
            self._backoff = Backoff()
        for group in (self._serving, self._waiting, self._old):
            if child in group:
                group.remove(child)
        self._ended.append(child)

    def _succeed(self) -> None:
        """Start a process in place of one that ended. While another one prepares the database it waits, as at the start."""
        child = ServerProcess()
        if self._have_served or all(other in self._waiting for other in self._serving):
            self._serve(child, seed=not self._have_served)
        else:
            self._waiting.append(child)
        self._serving.append(child)

    def _start(self) -> None:
        if self._have_served:
            while self._waiting:
                self._serve(self._waiting.pop())
        if self._have_served and all(child.ready() for child in self._serving):
            self.state = State.SERVING

    def _replace(self) -> None:
        if not self._old:
            if self._next is not None:  # the process that it was for has ended, and has a successor
                self._leave(self._next)
                self._next = None
            self.state, self.generation = State.SERVING, self.generation + 1
        elif self._next is None:
            self._next = self._standby.take() if self._standby is not None else ServerProcess()
            self._serve(self._next)
        elif self._next.process.poll() is not None:
            print(f"api-base: a new server process ended with code {self._next.process.returncode}; the old ones continue", file=sys.stderr)
            self._next, self._old, self.state = None, [], State.SERVING
            if self._standby is not None:
                self._standby.note_failure()
        elif self._next.ready():
            old = self._old.pop(0)
            self._serving.remove(old)
            self._serving.append(self._next)
            self._next = None
            self._leave(old)

    def _serve(self, child: ServerProcess, *, seed: bool = False) -> None:
        child.serve(self._listener, self._variables, seed=seed, reloading=self._reloading)

    def _leave(self, child: ServerProcess) -> None:
        child.stop(signal.SIGTERM)
        self._leaving.append((child, time.monotonic() + self._shutdown_timeout + _GRACE))

    def _reap(self) -> None:
        for child, deadline in self._leaving[:]:
            if child.process.poll() is not None:
                self._leaving.remove((child, deadline))
            elif time.monotonic() > deadline:
                child.process.kill()
