"""Jobs on PostgreSQL against taskiq on RabbitMQ, alternating: drained, live, and from enqueue to start. Requires `make services`."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import uvloop

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build, opened
from api_base.core.types import RequestContext, current_context
from benchmarks.events import worker
from benchmarks.job_executor import CONCURRENCY, HANDS, Enqueue, taskiq_broker
from benchmarks.report import ROUNDS, show
from benchmarks.world import World, world
from tests.services import address, held

DRAINED, LIVE, PACED, ENQUEUE_INTERVAL = 10_000, 5_000, 100, 0.02
PRODUCERS = 16
_numbers = count()

type Send = Callable[[int], Awaitable[object]]


def main() -> None:
    url = address("rabbitmq", "TEST_RABBITMQ_URL")
    figures: dict[tuple[str, str], list[float]] = {}
    with held("rabbitmq"), world() as made:
        for turn in range(ROUNDS + 1):
            for name in ("ours", "taskiq"):
                begun = made.home / f"begun-{name}-{turn}"
                found = uvloop.run(round_of(name, made, url, begun))
                for what, figure in found.items():
                    if turn:
                        figures.setdefault((name, what), []).append(figure)
    for what, unit in (("drained", "jobs/s"), ("live", "jobs/s"), ("enqueue to start, p50", "ms")):
        for name in ("ours", "taskiq"):
            show(f"{name}: {what}", figures[name, what], unit)
        pairs = zip(figures["ours", what], figures["taskiq", what], strict=True)
        show(f"ours / taskiq: {what}", [ours / theirs for ours, theirs in pairs], "", owed="<= 2" if unit == "ms" else ">= 1.0")


async def round_of(name: str, made: World, url: str, begun: Path) -> dict[str, float]:
    """Enqueue, then start a worker: drained. Then enqueue while it runs: live. Then enqueue single jobs at intervals."""
    async with ours(made) if name == "ours" else taskiqs(url) as send:
        await all_of(send, DRAINED)
        with ours_at_work(made, begun) if name == "ours" else taskiq_at_work(made, url, begun):
            times = await noted(begun, DRAINED)
            drained = DRAINED / ((max(times.values()) - min(times.values())) / 1e9)
            began = time.monotonic_ns()
            await all_of(send, LIVE)
            live = LIVE / ((max((await noted(begun, DRAINED + LIVE)).values()) - began) / 1e9)
            sent = {}
            for _ in range(PACED):
                number = next(_numbers)
                sent[number] = time.monotonic_ns()
                await send(number)
                await asyncio.sleep(ENQUEUE_INTERVAL)
            times = await noted(begun, DRAINED + LIVE + PACED)
    waits = sorted((times[number] - at) / 1e6 for number, at in sent.items())
    return {"drained": drained, "live": live, "enqueue to start, p50": waits[len(waits) // 2]}


@asynccontextmanager
async def ours(made: World):
    current_context.set(RequestContext(request_id="bench"))
    async with opened(build(made.settings, [*BUILT_IN, HANDS])) as services:
        yield lambda number: services.bus.execute(Enqueue(number=number))


@asynccontextmanager
async def taskiqs(url: str):
    broker, begin = taskiq_broker(url)
    await broker.startup()
    yield lambda number: begin.kiq(number)
    await broker.shutdown()


def ours_at_work(made: World, begun: Path):
    return worker(made, "job_executor:HANDS", "--only", "jobs", BEGUN=str(begun), JOBS__CONCURRENCY=str(CONCURRENCY))


@contextmanager
def taskiq_at_work(made: World, url: str, begun: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.job_executor", url]
    environment = {**os.environ, "BEGUN": str(begun), "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, cwd=made.home, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.terminate()


async def all_of(send: Send, jobs: int) -> None:
    left = iter(range(jobs))

    async def producer() -> None:
        for _ in left:
            await send(next(_numbers))

    await asyncio.gather(*(producer() for _ in range(PRODUCERS)))


async def noted(begun: Path, jobs: int) -> dict[int, int]:
    """Wait for a number of jobs. Returns the start of each, in nanoseconds."""
    async with asyncio.timeout(300):
        while len(lines := read(begun).splitlines()) < jobs:
            await asyncio.sleep(0.05)
    return {int(number): int(at) for number, at in (line.split() for line in lines)}


def read(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
