"""The command line as processes: started, used over HTTP, signalled, and inspected from outside."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import asyncpg

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.command_server import run_command
from tests.isolation import start

PATIENCE = 120.0
"""Seconds. Long enough for a busy machine; only a failing test waits that long."""
UNLIMITED = {"RATE_LIMIT__REQUESTS": "1000000", "RATE_LIMIT__BURST": "1000000"}
"""For tests that poll: a busy machine must not make them exceed the limit."""
COMMAND = [sys.executable, "-m", "api_base.cli"]


def until[T](look: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """The first true result of `look`. Fails the test after `seconds`. The pauses leave most of the CPU to what it waits for."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found := look():
            return found
        now = time.monotonic()
        assert now < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(min(max(0.02, 4 * (now - began)), 0.5))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> dict[int, str]:
    """The processes that `pid` started, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and alive(int(entry.name)):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def postmaster(home: Path) -> int:
    """The process id of the embedded server of a project in `home`."""
    return int((home / ".api-base/postgres/data/postmaster.pid").read_text().splitlines()[0])


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process, which contains no settings, with `variables`."""
    return {**os.environ, **variables}


def run(home: Path, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `api-base` in `home` to its end. The locale and other variables that Python reads as it starts have no effect, but PYTHONPATH does."""
    return run_command(arguments, cwd=home, env=environment(**variables), stdin=stdin, seconds=PATIENCE)


def rows(home: Path, sql: str) -> list[list[str]]:
    """The result of `sql` in the running embedded database of `home`, as the superuser, as text."""
    return asyncio.run(_fetch(EmbeddedServer(home / ".api-base/postgres").administrator_url(), sql))


async def _fetch(url: str, sql: str) -> list[list[str]]:
    connection = await asyncpg.connect(url)
    try:
        return [[str(value) for value in row] for row in await connection.fetch(sql)]
    finally:
        await connection.close()


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The error message of a command that exited with code 2: one line and no traceback."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


@dataclass
class Backend:
    """`api-base serve` in `home`."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    def request(self, method: str, path: str, body: Any = None, token: str | None = None, if_match: str | None = None) -> tuple[int, Any]:
        """Status and JSON of a response. The port is open before a server process accepts, so the first request waits for the start."""
        status, _, answer = self.exchange(method, path, body, token, {} if if_match is None else {"If-Match": if_match})
        return status, answer

    def exchange(
        self, method: str, path: str, body: Any, token: str | None, headers: Mapping[str, str]
    ) -> tuple[int, http.client.HTTPMessage, Any]:
        """Status, headers and JSON of the response to a request with `headers`. `body` is sent as JSON, bytes are sent unchanged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        ours = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            content = body if body is None or isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, content, {**ours, **headers})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return response.status, response.headers, json.loads(text) if text else None

    def upload(self, content: bytes, token: str, media_type: str = "text/csv") -> str:
        """The id of a new file, which is ready: a small one."""
        status, _, body = self.exchange("POST", "/api/v1/files?name=file", content, token, {"Content-Type": media_type})
        assert (status, body["state"]) == (201, "ready"), body
        id: str = body["id"]
        return id

    def answers(self) -> bool:
        try:
            return self.request("GET", "/health/live")[0] == 200
        except OSError:
            return False

    def ready(self) -> "Backend":
        until(lambda: self.answers() or self.process.poll() is not None, f"an answer on port {self.port}")
        assert self.process.poll() is None, self.output
        return self

    def child(self, named: str) -> int | None:
        """The process id of the child whose command line contains `named`."""
        return next((pid for pid, command in children(self.process.pid).items() if named in command), None)

    def server_processes(self) -> set[int]:
        return {pid for pid, command in children(self.process.pid).items() if "server_process" in command}

    def family(self) -> list[int]:
        """The supervisor and its children, PostgreSQL included."""
        return [self.process.pid, *children(self.process.pid)]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""
"""Starts a program with a listening socket, as systemd does [sd_listen_fds(3)]."""


@contextmanager
def serving(
    home: Path,
    *arguments: str,
    port: int | None = None,
    python: str = sys.executable,
    listener: socket.socket | None = None,
    umask: int = -1,
    **variables: str,
) -> Iterator[Backend]:
    """Start `api-base serve`, on `listener` if there is one. At the end of the block it is killed, and its children end with it."""
    port = port or (listener.getsockname()[1] if listener else free_port())
    command = [python, *COMMAND[1:], "serve", "--port", str(port), *arguments]
    inherited = () if listener is None else (listener.fileno(),)
    if listener is not None:
        command = [python, "-c", HAND_OVER, str(listener.fileno()), *command]
    descriptor, name = tempfile.mkstemp(prefix="output-", dir=home)
    log = Path(name)
    with open(descriptor, "wb") as output:
        process = start(command, cwd=home, env=environment(**variables), pass_fds=inherited, stdout=output, umask=umask)
    backend = Backend(home, port, process, log)
    try:
        yield backend
    finally:
        family = backend.family()
        process.kill()
        process.wait()
        until(lambda: not any(alive(pid) for pid in family), "the end of all processes")


@dataclass
class WorkerProcess:
    """`api-base worker`."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    def memory(self, what: str = "VmRSS") -> float:
        """Resident megabytes now, or their maximum with `VmHWM` [proc(5)]."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{what}:")[2].split()[0]) / 1024

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def working(home: Path, *arguments: str, **variables: str) -> Iterator[WorkerProcess]:
    """Start `api-base worker` beside a backend that serves from `home`. At the end of the block it is killed."""
    with NamedTemporaryFile(prefix="worker-", dir=home, delete=False) as output:
        process = start([*COMMAND, "worker", *arguments], cwd=home, env=environment(**variables), stdout=output)
    try:
        yield WorkerProcess(process, Path(output.name))
    finally:
        process.kill()
        process.wait()
