"""Kills one of four server processes under load, again and again (`KILLS`, 20). How long no request is answered, and how many fail."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from itertools import cycle, pairwise
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.items import request
from benchmarks.overload import serve
from benchmarks.report import show
from benchmarks.serving import fetch
from benchmarks.world import members, world

KILLS: Final = int(os.environ.get("KILLS", "20"))
WORKERS: Final = 4
CLIENTS: Final = 8
WARM: Final = 5000
"""Answers before the first kill: all processes serve."""


class Seen:
    """The times of good answers, and how many requests failed since the last kill."""

    def __init__(self) -> None:
        self.answers: list[float] = []
        self.failures = 0


async def client(port: int, requests: Sequence[bytes], seen: Seen) -> None:
    """Send one request after the other, each on a new connection, whatever comes back."""
    for one in cycle(requests):
        try:
            async with asyncio.timeout(5):
                await fetch(port, one)
            seen.answers.append(time.perf_counter())
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            seen.failures += 1


def children(pid: int) -> list[int]:
    """The child processes of a process with one thread [proc(5)]."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def server_processes() -> list[int]:
    """The server processes of this program's `serve`."""
    return [
        pid
        for supervisor in children(os.getpid())
        for pid in children(supervisor)
        if b"server_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


async def measure(port: int, requests: Sequence[bytes]) -> None:
    seen, gaps, failures = Seen(), [], []
    clients = [asyncio.create_task(client(port, requests[number::CLIENTS], seen)) for number in range(CLIENTS)]
    while len(seen.answers) < WARM:
        await asyncio.sleep(0.1)
    for _ in range(KILLS):
        before = server_processes()
        assert len(before) == WORKERS
        seen.answers.clear()
        seen.failures = 0
        began = time.perf_counter()
        os.kill(random.choice(before), signal.SIGKILL)
        while len(server_processes()) < WORKERS:
            await asyncio.sleep(0.05)
        await asyncio.sleep(3)
        answers = [began, *seen.answers]
        gaps.append(max(after - at for at, after in pairwise(answers)))
        failures.append(float(seen.failures))
    for one in clients:
        one.cancel()
    show("longest time without an answer around a kill", gaps, "s", owed="<= 0.2 each")
    show("failed requests of a kill", failures, "", owed=f"<= {CLIENTS}, those in the process")


def main() -> None:
    with world() as made:
        people = members(made, 200, 5)
        os.environ["SERVER__WORKERS"] = str(WORKERS)
        with serve(made) as port:
            uvloop.run(measure(port, [request(member, id) for member in people for id in member.items]))
