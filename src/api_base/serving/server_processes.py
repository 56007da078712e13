"""The server processes of one supervisor, on one listening socket: started together, replaced one by one ("rolling restart").

A new process takes over from an old one when it serves, so the number that serve never falls; the old one answers what it has.
Where a new one cannot serve (new settings are wrong, or the schema is behind), the old ones stay.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final

from api_base.serving.children import ServerProcess

_GRACE: Final = 2.0
"""Seconds beyond its patience that a process has to end."""


class State(Enum):
    """What goes on with them."""

    STARTING = auto()
    SERVING = auto()
    REPLACING = auto()


class ServerProcesses:
    """`first` sees to the schema and to a first run; the others serve once it does. `patience`: seconds that one has to end.

    `generation` counts how often all have been replaced.
    """

    def __init__(self, first: ServerProcess, count: int, listener: socket.socket, variables: Mapping[str, str], *, patience: float) -> None:
        self._listener, self._variables, self._patience = listener, variables, patience
        self._serving = [first, *(ServerProcess() for _ in range(count - 1))]
        self._waiting = self._serving[1:]
        self._next: ServerProcess | None = None
        self._old: list[ServerProcess] = []
        self._leaving: list[tuple[ServerProcess, float]] = []
        self._asked = False
        self.state, self.generation = State.STARTING, 0
        first.serve(listener, variables, seed=True)

    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]:
        """All that run, or did a moment ago."""
        following = [self._next] if self._next else []
        return [child.process for child in [*self._serving, *following, *(child for child, _ in self._leaving)]]

    def replace(self) -> None:
        """Replace all that serve, once all do. Asked again meanwhile, it is done again."""
        self._asked = True

    def ensure_running(self) -> int | None:
        """Go on with what is under way. The exit code of a process that ended and should not have."""
        for child in self._serving:
            if (code := child.process.poll()) is not None:
                print(f"api-base: a server process ended with code {code}, so all ends; start it again", file=sys.stderr)
                return code or 1
        if self.state is State.STARTING:
            self._start()
        elif self._asked and self.state is State.SERVING:
            self._old, self._asked, self.state = list(self._serving), False, State.REPLACING
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
            print(f"api-base: a new server process ended with code {self._next.process.returncode}; the old ones stay", file=sys.stderr)
            self._next, self._old, self.state = None, [], State.SERVING
        elif self._next.ready():
            old = self._old.pop(0)
            self._serving.remove(old)
            self._serving.append(self._next)
            self._next = None
            old.process.terminate()
            self._leaving.append((old, time.monotonic() + self._patience + _GRACE))
            if not self._old:
                self.state, self.generation = State.SERVING, self.generation + 1

    def _reap(self) -> None:
        for child, deadline in self._leaving[:]:
            if child.process.poll() is not None:
                self._leaving.remove((child, deadline))
            elif time.monotonic() > deadline:
                child.process.kill()
