"""Keeps the children of `api-base serve`: server processes on one listening socket, and the worker.

The first server process prepares the database; the others and the worker start when it serves. A worker that dies is started
again, later each time; a server process that dies ends the whole, with its exit code, for what watches us to see.
"""

import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from api_base.cli.child import Child, end
from api_base.cli.reload import Sources

SERVER: Final = "api_base.cli.server_process"
WORKER: Final = "api_base.cli.worker_process"
LONGEST_PAUSE: Final = 30.0
HEALTHY_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many server processes, whether a worker, what is watched for changes, and how long (seconds) stopping may take."""

    servers: int
    worker: bool
    sources: Sources | None
    shutdown_timeout: float


class Supervisor:
    """`first` is a server process that waits for its orders already."""

    def __init__(self, plan: Plan, first: Child, environment: Mapping[str, str], listener: socket.socket) -> None:
        self._plan, self._environment, self._listener = plan, environment, listener
        self._servers = [first]
        self._worker: Child | None = None
        self._worker_due: float | None = None
        self._failures = 0
        self._serving = False

    def run(self, on_serving: Callable[[], None]) -> int:
        """Until a server process ends: its exit code. Raises `Stop` on a signal. No child is left either way."""
        try:
            self._servers[0].order(self._environment, self._listener, prepare=True)
            while (code := self._server_ended()) is None:
                self._listen(on_serving)
                self._tend_worker()
                self._reload()
            return code
        finally:
            self._listener.close()  # who comes now is refused, and not left waiting
            end(self._children(), self._plan.shutdown_timeout + 1)

    def _children(self) -> list[Child]:
        return [*self._servers, *([self._worker] if self._worker else [])]

    def _server_ended(self) -> int | None:
        return next((code for child in self._servers if (code := child.ended()) is not None), None)

    def _listen(self, on_serving: Callable[[], None]) -> None:
        """Wait for a word or the end of a child, for as long as nothing else is due."""
        channels = {child.channel: child for child in self._children()}
        for channel in select.select(list(channels), [], [], _LOOK_SECONDS)[0]:
            child = channels[channel]
            if not child.heard():
                child.wait(self._plan.shutdown_timeout)
            elif child is self._servers[0] and not self._serving:
                self._serving = True
                on_serving()
                self._start_others()

    def _start_others(self) -> None:
        for _ in range(self._plan.servers - 1):
            child = Child(SERVER)
            self._servers.append(child)
            child.order(self._environment, self._listener)
        if self._plan.worker:
            self._worker_due = time.monotonic()

    def _tend_worker(self) -> None:
        worker, now = self._worker, time.monotonic()
        if worker is not None and (code := worker.ended()) is not None:
            worker.kill()
            self._worker = None
            self._failures = 1 if now - worker.began > HEALTHY_SECONDS else self._failures + 1
            pause = min(0.5 * 2**self._failures, LONGEST_PAUSE)
            print(f"The worker ended with code {code}; it is started again in {pause:g} s.", file=sys.stderr)
            self._worker_due = now + pause
        if self._worker_due is not None and now >= self._worker_due:
            self._worker_due = None
            self._worker = Child(WORKER)
            self._worker.order(self._environment)

    def _reload(self) -> None:
        if self._plan.sources is None or not self._plan.sources.changed():
            return
        end(self._children(), self._plan.shutdown_timeout)
        self._worker, self._worker_due, self._serving = None, None, False
        self._servers = [Child(SERVER)]
        self._servers[0].order(self._environment, self._listener, prepare=True)
