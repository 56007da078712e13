"""Starts children, watches them, replaces them, stops them in order. However the supervisor ends, its children end with it."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from api_base.core.config import Settings
from api_base.core.shared.least_privilege import Kind
from api_base.infrastructure.db.embedded import Urls
from api_base.serving.children import ServerProcess, WorkerProcess
from api_base.serving.metrics_port import serve_metrics_on
from api_base.serving.own_code import BASE, Watch
from api_base.serving.preparation_process import PreparationProcess
from api_base.serving.resolving import environment
from api_base.serving.run_directory import run_directory
from api_base.serving.server_processes import ServerProcesses, State
from api_base.serving.signals import Signals
from api_base.serving.systemd import READY, STOPPING, Notifier, reloading

RATE_LIMITS: Final = "rate-limits"
_POLL: Final = 0.1
"""Seconds between two checks of the children."""
_KILL_DELAY: Final = 2.0
"""Seconds after the shutdown timeout until a child is killed."""


class Supervisor:
    """Server processes that share one listening socket, and a worker that is restarted when it ends.

    SIGHUP replaces all of them; the new processes read the code and `.env` again. SIGTERM and SIGINT stop them; SIGINT closes idle
    connections without waiting.
    """

    def __init__(self, settings: Settings, first: ServerProcess, signals: Signals, watch: Watch | None = None) -> None:
        """`watch` reports changes of the code, which replace the processes as SIGHUP does."""
        self._settings, self._first, self._signals, self._code = settings, first, signals, watch
        self._notifier = Notifier()

    def run(self, listener: socket.socket, urls: Urls, ensure_database: Callable[[], str | None], *, with_worker: bool) -> int:
        """Serve until a signal stops it. The result is the exit code. `ensure_database` is called repeatedly; it returns a message to print."""
        with run_directory() as directory:
            observed = self._settings.observability
            metrics = observed.metrics_dir or directory
            server, (host, port, *_) = self._settings.server, listener.getsockname()
            shared = {
                "OBSERVABILITY__METRICS_DIR": str(metrics),
                "SERVER__HOST": host,
                "SERVER__PORT": str(port),
            }
            if server.workers > 1 and self._settings.rate_limit.table is None:
                shared["RATE_LIMIT__TABLE"] = str(directory / RATE_LIMITS)

            def variables(kind: Kind) -> dict[str, str]:
                return environment(kind, self._settings, urls) | shared

            servers = ServerProcesses(
                self._first,
                server.workers,
                listener,
                variables("server"),
                shutdown_timeout=server.shutdown_timeout_seconds,
                reloading=self._code is not None,
            )
            preparation = PreparationProcess(variables("supervisor"))
            worker = WorkerProcess(variables("worker")) if with_worker else None
            stop_metrics = serve_metrics_on(observed.metrics_port, server.host, metrics)
            try:
                return self._watch(servers, preparation, worker, ensure_database)
            finally:
                self._notifier.notify(STOPPING)
                listener.close()  # new connections are refused, unless another process serves on the same socket
                self._stop(servers, preparation, worker)
                stop_metrics()

    def _watch(
        self,
        servers: ServerProcesses,
        preparation: PreparationProcess,
        worker: WorkerProcess | None,
        ensure_database: Callable[[], str | None],
    ) -> int:
        state, generation = servers.state, servers.generation
        signals = self._signals
        while signals.stopped_by is None:
            if signals.hung_up:
                signals.hung_up = False
                if signals.terminal_closed():
                    break
                servers.replace()
            if (code := servers.ensure_running()) is not None:
                return code
            preparation.advance(servers.children, serving=servers.state is State.SERVING)
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
            self._wait(servers)
        return 0

    def _wait(self, servers: ServerProcesses) -> None:
        """Wait for the next check, or for a change of the code."""
        if self._code is None:
            time.sleep(_POLL)
        elif changed := self._code.wait():
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            print(f"api-base: {changed[0]}{more} changed; starting processes with the new code", file=sys.stderr)
            servers.replace(base=any(path.is_relative_to(BASE) for path in changed))

    def _stop(self, servers: ServerProcesses, preparation: PreparationProcess, worker: WorkerProcess | None) -> None:
        deadline = time.monotonic() + self._settings.server.shutdown_timeout_seconds + _KILL_DELAY
        for child in servers.children:
            child.stop(self._signals.stopped_by or signal.SIGTERM)
        processes = [child.process for child in servers.children]
        for other in (preparation, worker):
            if other is not None and other.process is not None:
                other.stop()
                processes.append(other.process)
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
