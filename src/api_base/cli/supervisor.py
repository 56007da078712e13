"""Starts children, watches them, stops them in order. When it dies, however it dies, they go with it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from api_base.cli.children import ServerProcess
from api_base.cli.resolving import environment
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.parent_death import die_with_parent
from api_base.infrastructure.db.embedded.urls import Urls

LONGEST_PAUSE: Final = 30.0
BACKLOG: Final = 2048


class Supervisor:
    """One listening socket, shared by all server processes; a worker beside them that is restarted when it dies."""

    def __init__(self, settings: Settings, first: ServerProcess) -> None:
        self._settings, self._first = settings, first
        self._stopping = False

    def listen(self) -> socket.socket:
        """Take the port. Raises `ConfigurationError` where it is taken."""
        server = self._settings.server
        listener = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((server.host, server.port))
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on {server.host}:{server.port}: {error.strerror}. Stop what listens there, or choose another: --port {server.port + 1}"
            ) from None
        listener.listen(BACKLOG)
        return listener

    def run(self, listener: socket.socket, urls: Urls, see_to_database: Callable[[], str | None], *, with_worker: bool) -> int:
        """Serve until told to stop; the exit code. `see_to_database` is called again and again.

        The first server process sees to the schema and to a first run; the others serve once it does.
        """
        with self._signals(), self._metrics_directory() as metrics:
            server = self._settings.server
            variables = environment(urls) | {
                "OBSERVABILITY__METRICS_DIR": metrics,
                "SERVER__HOST": server.host,
                "SERVER__PORT": str(server.port),
            }
            everyone = [self._first, *(ServerProcess() for _ in range(server.workers - 1))]  # kept: a channel that closes is lost
            self._first.serve(listener, variables, seed=True)
            servers, waiting = [process.process for process in everyone], everyone[1:]
            worker = _Restarted([sys.executable, "-m", "api_base.cli", "worker"], variables) if with_worker else None

            def started() -> None:
                """What waits for the first process: the others, and the worker, whose imports would slow the start."""
                if self._first.ready():
                    while waiting:
                        waiting.pop().serve(listener, variables, seed=False)
                    if worker is not None:
                        worker.see_to()

            def kept() -> None:
                if happened := see_to_database():
                    print(f"api-base: {happened}", file=sys.stderr)

            stop_metrics = self._serve_metrics(Path(metrics))
            try:
                return self._watch(servers, [started, kept])
            finally:
                self._stop([*servers, *([worker.process] if worker and worker.process else [])])
                stop_metrics()

    def _watch(self, servers: list[subprocess.Popen[bytes]], duties: Sequence[Callable[[], None]]) -> int:
        while not self._stopping:
            for server in servers:
                if server.poll() is not None:
                    print(f"api-base: a server process ended with code {server.returncode}", file=sys.stderr)
                    return server.returncode or 1
            for duty in duties:
                duty()
            time.sleep(0.1)
        return 0

    def _stop(self, processes: list[subprocess.Popen[bytes]]) -> None:
        deadline = time.monotonic() + self._settings.server.shutdown_timeout + 2
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _serve_metrics(self, directory: Path) -> Callable[[], None]:
        """Serve /metrics on a port of its own, where one is set; what stops it again."""
        port = self._settings.observability.metrics_port
        if port is None:
            return lambda: None
        from api_base.infrastructure.observability.counters import Counters
        from api_base.infrastructure.observability.exposition import MergedMetrics
        from api_base.infrastructure.observability.metrics_server import serve_metrics

        return serve_metrics(MergedMetrics(Counters(), directory), self._settings.server.host, port)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: object) -> None:
            del number, frame
            self._stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def _metrics_directory(self) -> Iterator[str]:
        """Counters of this run, in memory where the system has such a place."""
        configured = self._settings.observability.metrics_dir
        if configured is not None:
            yield str(configured)
            return
        memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes it, with mode 0700
        directory = tempfile.mkdtemp(prefix="api-base-metrics-", dir=memory if os.access(memory, os.W_OK) else None)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


class _Restarted:
    """A child that is started again when it ends, after a pause that doubles while it keeps ending at once."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self._command, self._variables = command, variables
        self._pause, self._since = 0.5, 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def see_to(self) -> None:
        """Start it if it does not run."""
        if self.process is not None:
            if self.process.poll() is None:
                return
            lived = time.monotonic() - self._since
            if lived < self._pause:
                return
            print(f"api-base: the worker ended with code {self.process.returncode}; starting it again", file=sys.stderr)
            self._pause = 0.5 if lived > LONGEST_PAUSE else min(self._pause * 2, LONGEST_PAUSE)
        self._since = time.monotonic()
        self.process = _start(self._command, self._variables)


def _start(command: list[str], variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that Ctrl-C reaches it through us; it ends when we do."""
    return subprocess.Popen(command, env=variables, start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM))
