"""The time from `api-base serve` to the first 200, on existing data and on a running database; memory after 1,000 requests."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import ROUNDS, show
from benchmarks.serving import free_port, load, resident

LIVE = b"GET /health/ready HTTP/1.1\r\nHost: bench\r\n\r\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with serving(home) as (_, _, port):
            log_in(home, port)  # until the first login, each start prepares another one
        kept, running, memory = [], [], []
        for _ in range(ROUNDS):
            with serving(home) as (seconds, _, _):
                kept.append(seconds)
        with serving(home):
            for _ in range(ROUNDS):
                with serving(home) as (seconds, pid, port):
                    running.append(seconds)
                    asyncio.run(load(port, [LIVE], 1000))
                    memory.append(server_memory(pid))
    show("serve on kept data to the first 200", kept, "s", owed="<= 3")
    show("serve on a running database to the first 200", running, "s", owed="<= 1.5")
    show("memory of the server process after 1,000 requests", memory, "MB", owed="<= 120")


@contextmanager
def serving(home: Path) -> Iterator[tuple[float, int, int]]:
    """The seconds to the first 200, the supervisor's process id, and the port."""
    port = free_port()
    began = time.perf_counter()
    variables = {**os.environ, "OBSERVABILITY__ACCESS_LOG": "false"}
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api_base.cli", "serve", "--port", str(port)], cwd=home, env=variables, stdout=log, stderr=log
        )
        try:
            wait_for_200(port)
            yield time.perf_counter() - began, process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def log_in(home: Path, port: int) -> None:
    """Use the login that the first run printed."""
    printed = re.search(r"e-mail +(\S+)\n +password +(\S+)", (home / "log").read_text())
    assert printed is not None
    body = json.dumps({"email": printed[1], "password": printed[2]}).encode()
    head = f"POST /api/v1/auth/login HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    asyncio.run(load(port, [head.encode() + body], 1))


def wait_for_200(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            asyncio.run(load(port, [LIVE], 1))
        except (OSError, RuntimeError, asyncio.IncompleteReadError):
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("no answer")


def server_memory(supervisor: int) -> float:
    """The memory of the supervisor's server process."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    server = next(pid for pid in children if b"server_process" in Path(f"/proc/{pid}/cmdline").read_bytes())
    return resident(int(server))
