"""Ordinary reads beside 200 hostile connections, against the same reads beside the same connections to a sink, in pairs.

`python -m benchmarks.hostile PORT` is the process of the hostile clients, `python -m benchmarks.hostile` the sink.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Final

import uvloop

from benchmarks.items import request
from benchmarks.overload import serve
from benchmarks.report import show
from benchmarks.serving import exchange
from benchmarks.world import members, world
from tests.e2e.hostile_clients import hostile

CONNECTIONS: Final = 200
CLIENTS: Final = 4
SECONDS: Final = 8.0
ROUNDS: Final = 5


async def ordinary(port: int, requests: Sequence[bytes], seconds: float) -> list[float]:
    """The seconds of all requests of `CLIENTS` clients, each of which sends one after the other on a connection of its own."""
    taken: list[float] = []
    end, chosen = time.perf_counter() + seconds, cycle(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            await exchange(reader, writer, next(chosen))
            taken.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return taken


@contextmanager
def beside(port: int | None) -> Iterator[None]:
    """Hostile clients in a process of their own, of the server at `port` or of a sink."""
    command = [sys.executable, "-m", "benchmarks.hostile"]
    sink = None
    if port is None:
        sink = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert sink.stdout is not None
        port = int(sink.stdout.readline())
    clients = subprocess.Popen([*command, str(port)])
    try:
        yield
    finally:
        for process in (clients, sink):
            if process is not None:
                process.kill()
                process.wait()


async def measure(port: int, requests: Sequence[bytes]) -> None:
    await ordinary(port, requests, 2)
    p99: dict[str, list[float]] = {"sink": [], "server": []}
    for _ in range(ROUNDS):
        for name, hostile_port in (("sink", None), ("server", port)):
            with beside(hostile_port):
                await asyncio.sleep(3)
                taken = sorted(await ordinary(port, requests, SECONDS))
            p99[name].append(taken[int(len(taken) * 0.99)] * 1000)
    for name, figures in p99.items():
        show(f"p99 of reads beside 200 hostile connections to the {name}", figures, "ms")
    show("ratio", [ours / sink for sink, ours in zip(p99["sink"], p99["server"], strict=True)], "", owed="<= 2")


async def sink() -> None:
    """Accept, and read and discard everything."""

    async def discard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass
        writer.close()

    server = await asyncio.start_server(discard, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def attack(port: int) -> None:
    async with hostile(port, CONNECTIONS):
        await asyncio.Event().wait()


def main() -> None:
    with world() as made:
        people = members(made, 200, 5)
        with serve(made) as port:
            uvloop.run(measure(port, [request(member, id) for member in people for id in member.items]))


if __name__ == "__main__":
    uvloop.run(attack(int(sys.argv[1])) if sys.argv[1:] else sink())
