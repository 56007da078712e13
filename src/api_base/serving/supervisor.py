"""Starts children, watches them, replaces them, stops them in order. However the supervisor ends, its children end with it."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls
from api_base.serving.children import ServerProcess, WorkerProcess
from api_base.serving.hangup import Terminal
from api_base.serving.metrics_directory import metrics_directory
from api_base.serving.resolving import environment
from api_base.serving.server_processes import ServerProcesses, State
from api_base.serving.systemd import READY, STOPPING, Notifier, reloading

_POLL: Final = 0.1
"""Seconds between two checks of the children."""
_KILL_DELAY: Final = 2.0
"""Seconds after the shutdown timeout until a child is killed."""


class Supervisor:
    """Server processes that share one listening socket, and a worker that is restarted when it ends.

    SIGHUP replaces all of them; the new processes read the code and `.env` again. SIGTERM and SIGINT stop them; SIGINT closes idle
    connections without waiting.
    """

    def __init__(self, settings: Settings, first: ServerProcess) -> None:
        self._settings, self._first = settings, first
        self._notifier = Notifier()
        self._terminal = Terminal()
        self._stopped_by: signal.Signals | None = None
        self._hung_up = False

    def run(self, listener: socket.socket, urls: Urls, ensure_database: Callable[[], str | None], *, with_worker: bool) -> int:
        """Serve until a signal stops it. The result is the exit code. `ensure_database` is called repeatedly; it returns a message to print."""
        configured = self._settings.observability.metrics_dir
        with self._signals(), metrics_directory() if configured is None else nullcontext(configured) as metrics:
            server, (host, port, *_) = self._settings.server, listener.getsockname()
            variables = environment(self._settings, urls) | {
                "OBSERVABILITY__METRICS_DIR": str(metrics),
                "SERVER__HOST": host,
                "SERVER__PORT": str(port),
            }
            servers = ServerProcesses(self._first, server.workers, listener, variables, shutdown_timeout=server.shutdown_timeout_seconds)
            worker = WorkerProcess(variables) if with_worker else None
            stop_metrics = self._serve_metrics(metrics)
            try:
                return self._watch(servers, worker, ensure_database)
            finally:
                self._notifier.notify(STOPPING)
                listener.close()  # new connections are refused, unless another process serves on the same socket
                self._stop(servers, worker)
                stop_metrics()

    def _watch(self, servers: ServerProcesses, worker: WorkerProcess | None, ensure_database: Callable[[], str | None]) -> int:
        state, generation = servers.state, servers.generation
        while self._stopped_by is None:
            if self._hung_up:
                self._hung_up = False
                if self._terminal.closed():
                    self._stopped_by = signal.SIGHUP
                    break
                servers.replace()
            if (code := servers.ensure_running()) is not None:
                return code
            if servers.state is not state:
                state = servers.state
                self._notifier.notify(reloading() if state is State.REPLACING else READY)
            if worker is not None and state is not State.STARTING:  # its imports would slow down the start of the servers
                if servers.generation != generation:
                    generation = servers.generation
                    worker.replace()
                worker.ensure_running()
            if happened := ensure_database():
                print(f"api-base: {happened}", file=sys.stderr)
            time.sleep(_POLL)
        return 0

    def _stop(self, servers: ServerProcesses, worker: WorkerProcess | None) -> None:
        deadline = time.monotonic() + self._settings.server.shutdown_timeout_seconds + _KILL_DELAY
        for child in servers.children:
            child.stop(self._stopped_by or signal.SIGTERM)
        processes = [child.process for child in servers.children]
        if worker is not None and worker.process is not None:
            worker.stop()
            processes.append(worker.process)
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _serve_metrics(self, directory: Path) -> Callable[[], None]:
        """Serve /metrics on its own port if one is configured. The result stops it."""
        port = self._settings.observability.metrics_port
        if port is None:
            return lambda: None
        from api_base.infrastructure.observability.counters import Counters
        from api_base.infrastructure.observability.exposition import MergedMetrics, serve_metrics

        return serve_metrics(MergedMetrics(Counters(), directory), self._settings.server.host, port)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: object) -> None:
            del frame
            self._stopped_by = signal.Signals(number)

        def hang_up(number: int, frame: object) -> None:
            del number, frame
            self._hung_up = True

        handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: hang_up}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
