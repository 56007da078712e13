"""The application's processes: `api-base serve` and `api-base worker` as shipped, restarted whenever they exit."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from api_base.core.shared.parent_death import die_with_parent

RESTART_DELAY: Final = 0.1
"""Seconds between the exit of a process and its restart."""
PATIENCE: Final = 5.0
"""Seconds to wait for a starting server before the next attempt."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """One process. `name` is its kind and number, such as `worker-1`; `port` is None for a worker."""

    def __init__(self, name: str, home: Path, variables: Mapping[str, str], port: int | None) -> None:
        self.name, self.port = name, port
        command = ["worker"] if port is None else ["serve", "--no-worker", "--port", str(port)]
        self._command = [sys.executable, "-m", "api_base.cli", *command]
        self._home, self._variables = home, {**os.environ, **variables, "CHAOS_PROCESS": name}
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at = 0.0
        self._log, self._log_offset = home / f"{name}.log", 0
        self._probing: asyncio.Task[None] | None = None
        self.ready = False

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    def ensure_running(self) -> None:
        """Restart the process after a short delay if it has exited; check whether it is ready if that is unknown."""
        if self._process is not None and self._process.poll() is None:
            if not self.ready and (self._probing is None or self._probing.done()):
                self._probing = asyncio.get_running_loop().create_task(self._probe())
            return
        if self._process is not None:
            self._process, self.ready, self._ended_at = None, False, time.monotonic()
        if time.monotonic() - self._ended_at >= RESTART_DELAY:
            self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._log_offset = log.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=self._home,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def pids(self) -> list[int]:
        """The process and its children; empty while it does not run."""
        if self._process is None or self._process.poll() is not None:
            return []
        pid = self._process.pid
        return [pid, *children(pid)]

    async def _probe(self) -> None:
        process = self._process
        up = self._works() if self.port is None else await _serves(self.port)
        self.ready = up and process is self._process

    def _works(self) -> bool:
        """Whether the worker has logged its start."""
        with self._log.open("rb") as log:
            log.seek(self._log_offset)
            return b"worker_started" in log.read()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def children(pid: int) -> list[int]:
    """The running children of `pid` [proc(5), stat]."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(entry.name))
    return found


def command_line(pid: int) -> str:
    """The command line of a process; empty if it has exited."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


async def _serves(port: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /health/ready HTTP/1.1\r\nHost: chaos\r\nConnection: close\r\n\r\n")
                return b" 200 " in await reader.readuntil(b"\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
