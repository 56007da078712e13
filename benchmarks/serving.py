"""Server processes under test, their CPU time and memory, and a client that keeps them busy."""

import asyncio
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CONNECTIONS = 16


@contextmanager
def served(target: str, variables: dict[str, str], log: Path, *, factory: bool) -> Iterator[tuple[int, int]]:
    """Run an application on uvicorn. Yields its process id and port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", target, "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log-level", "warning", *(["--factory"] if factory else [])],
            env={**os.environ, **variables},
            stdout=output,
            stderr=output,
        )
        try:
            wait_for(port)
            yield process.pid, port
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def cpu_seconds(pid: int) -> float:
    """The CPU seconds of all threads of a process [proc(5), schedstat]."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident(pid: int) -> float:
    """The memory of a process in megabytes [proc(5), VmRSS]."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def fetch(port: int, request: bytes) -> bytes:
    """The body of one response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await exchange(reader, writer, request)
    finally:
        writer.close()


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(head.decode())
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


async def load(port: int, requests: Sequence[bytes], count: int) -> None:
    """Send `count` random requests over persistent connections."""
    left = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            await exchange(reader, writer, random.choice(requests))
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
