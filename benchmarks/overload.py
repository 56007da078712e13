"""Overload: reads by id, open loop, from many addresses, by clients that give up after a second, at 3 and 10 times the capacity.

Useful are answers of 200 within that second. `OVERLOAD_SECONDS` (60) is the length of each overload. The load generator needs a core of its own.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Final, cast

import uvloop

from benchmarks.items import request
from benchmarks.report import show
from benchmarks.serving import free_port, wait_for
from benchmarks.world import World, environment, members, world

SECONDS: Final = float(os.environ.get("OVERLOAD_SECONDS", "60"))
CALM: Final = float(os.environ.get("CALM", "8"))
"""Seconds of each measurement without overload."""
GIVE_UP: Final = 1.0
ADDRESSES: Final = 100
TICK: Final = 0.005
CONNECTIONS: Final = 16
MAX_OPEN: Final = 4000
READY: Final = b"GET /health/ready HTTP/1.1\r\nHost: bench\r\n\r\n"
LEAST: Final = {3: 0.75, 10: 0.25}
RECOVERED: Final = 0.9


class Answers:
    """What came back: useful answers by second, all outcomes, and the seconds that useful answers took."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.outcomes: Counter[str] = Counter()
        self.useful: Counter[int] = Counter()
        self.seconds: list[float] = []

    def add(self, status: str, seconds: float) -> None:
        self.outcomes[status] += 1
        if status == "200":
            self.useful[int(time.perf_counter() - self.began)] += 1
            self.seconds.append(seconds)

    def rate(self) -> float:
        """Useful answers per second, without the first and the last second."""
        whole = range(1, max(self.useful, default=0))
        return sum(self.useful[second] for second in whole) / max(1, len(whole))

    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] if self.seconds else float("inf")


class ClientConnection(asyncio.Protocol):
    """One request at a time. Calls `done` when the response is complete; the connection is then free or closed."""

    def __init__(self, pool: "Pool") -> None:
        self._pool, self.sent_at, self._received = pool, 0.0, b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def send(self, content: bytes, since: float) -> None:
        self.sent_at, self._received = since, b""
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if self.sent_at and end and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            seconds, self.sent_at = time.perf_counter() - self.sent_at, 0.0
            self._pool.done(self, head[9:12].decode(), seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)


class Pool:
    """Clients with kept connections, from `ADDRESSES` addresses of the loopback network. `refill`: each answer is followed by a request."""

    def __init__(self, port: int, requests: Sequence[bytes], answers: Answers, *, refill: bool = False) -> None:
        self._port, self._requests, self._answers, self._refill = port, cycle(requests), answers, refill
        self._free: list[ClientConnection] = []
        self._waiting: deque[tuple[float, ClientConnection]] = deque()
        self._addresses = cycle(f"127.0.0.{number}" for number in range(2, ADDRESSES + 2))
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self) -> None:
        """Send a request on a free connection, or on a new one."""
        since = time.perf_counter()
        while self._free:
            connection = self._free.pop()
            if not connection.transport.is_closing():
                self._send(connection, since)
                return
        if self._open >= MAX_OPEN:
            self._answers.add("no connection", 0)
            return
        self._open += 1
        task = asyncio.create_task(self._connect(since))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, since: float) -> None:
        loop, address = asyncio.get_running_loop(), (next(self._addresses), 0)
        try:
            async with asyncio.timeout(GIVE_UP):
                _, connection = await loop.create_connection(lambda: ClientConnection(self), "127.0.0.1", self._port, local_addr=address)
        except OSError:
            self._open -= 1
            self._answers.add("not connected", GIVE_UP)
            return
        self._send(connection, since)

    def _send(self, connection: ClientConnection, since: float) -> None:
        connection.send(next(self._requests), since)
        self._waiting.append((since, connection))

    def done(self, connection: ClientConnection, status: str, seconds: float) -> None:
        self._answers.add(status, seconds)
        self._free.append(connection)
        if self._refill:
            self.ask()

    def lost(self, connection: ClientConnection) -> None:
        self._open -= 1
        if connection.sent_at:
            connection.sent_at = 0.0
            self._answers.add("closed", 0)

    def give_up(self) -> None:
        """Close the connections whose requests have waited for too long."""
        now = time.perf_counter()
        while self._waiting and self._waiting[0][0] < now - GIVE_UP:
            since, connection = self._waiting.popleft()
            if connection.sent_at == since:
                connection.sent_at = 0.0
                self._answers.add("timeout", GIVE_UP)
                connection.transport.abort()

    def close(self) -> None:
        for connection in [*self._free, *(connection for _, connection in self._waiting)]:
            connection.sent_at = 0.0
            connection.transport.abort()


async def offered(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Answers:
    """Send `rate` requests a second, whatever comes back."""
    answers = Answers()
    pool, asked = Pool(port, requests, answers), 0
    while (elapsed := time.perf_counter() - answers.began) < seconds:
        due = min(elapsed * rate, asked + rate * TICK * 20)  # a generator that fell behind does not catch up in one burst
        while asked < due:
            pool.ask()
            asked += 1
        answers.outcomes["offered"] = asked
        pool.give_up()
        await asyncio.sleep(TICK)
    pool.close()
    return answers


async def closed_loop(port: int, requests: Sequence[bytes], seconds: float) -> Answers:
    """`CONNECTIONS` clients that always have one request in work: the capacity."""
    answers = Answers()
    pool = Pool(port, requests, answers, refill=True)
    for _ in range(CONNECTIONS):
        pool.ask()
    await asyncio.sleep(seconds)
    pool.close()
    return answers


async def probe(port: int, found: Counter[str]) -> None:
    """Ask whether the process is ready, twice a second, each time on a new connection."""
    while True:
        status = "none"
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(2 * GIVE_UP):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(READY)
                status = (await reader.readuntil(b"\r\n")).split()[1].decode()
                writer.close()
        found[status] += 1
        await asyncio.sleep(0.5)


async def measure(port: int, requests: Sequence[bytes]) -> None:
    """The capacity is the mean of what is served before and after an overload: the speed of a shared machine changes within a minute."""
    await closed_loop(port, requests, CALM / 2)
    before = (await closed_loop(port, requests, CALM)).rate()
    for factor, least in LEAST.items():
        show(f"{factor}x: served before", [before], "1/s")
        ready: Counter[str] = Counter()
        probing = asyncio.create_task(probe(port, ready))
        answers = await offered(port, requests, factor * before, SECONDS)
        probing.cancel()
        recovery = await closed_loop(port, requests, CALM)
        after = (await closed_loop(port, requests, CALM)).rate()
        show(f"{factor}x: served after", [after], "1/s")
        capacity = (before + after) / 2
        show(f"{factor}x: offered", [answers.outcomes["offered"] / SECONDS / capacity], "x")
        show(f"{factor}x: useful share of the capacity", [answers.rate() / capacity], "", owed=f">= {least}")
        show(f"{factor}x: p99 of useful answers", [answers.p99()], "s", owed="<= 1")
        show(f"{factor}x: ready", [ready["200"] / ready.total()], "", owed="1")
        recovered = next((second for second in sorted(recovery.useful) if recovery.useful[second] >= RECOVERED * after), CALM)
        show(f"{factor}x: seconds until full speed", [recovered], "s", owed="<= 5")
        print(f"    {dict(answers.outcomes)}, ready: {dict(ready)}", flush=True)
        before = after


@contextmanager
def serve(made: World) -> Iterator[int]:
    """`api-base serve` on the database of `made`. Yields its port."""
    port = free_port()
    with (made.home / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "api_base.cli", "serve", "--no-worker", "--port", str(port)]
        process = subprocess.Popen(command, cwd=made.home, env=os.environ | environment(made), stdout=log, stderr=log)
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait()
    if "Traceback" in (text := Path(log.name).read_text()):
        print(text[text.index("Traceback") :][:2000])


def main() -> None:
    with world() as made:
        people = members(made, 200, 5)
        requests = [request(member, id) for member in people for id in member.items]
        with serve(made) as port:
            uvloop.run(measure(port, requests))
