"""A job that records when it started, for our worker and for taskiq's."""

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from api_base.application.common.cqrs import PUBLIC, Command, Registration, on
from api_base.application.common.jobs import Job
from api_base.bootstrap.context import Context, Ports
from api_base.core.protocols import JobQueue

CONCURRENCY: Final = 64
"""The number of jobs that either worker runs concurrently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(Command[None]):
    permission = PUBLIC
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue(Command[None]):
    permission = PUBLIC
    number: int


class BeginHandler:
    async def handle(self, command: Begin) -> None:
        begun(command.number)


class EnqueueHandler:
    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    async def handle(self, command: Enqueue) -> None:
        await self._jobs.enqueue(Begin(number=command.number))


def begun(number: int) -> None:
    global _file
    if _file is None:
        _file = os.open(os.environ["BEGUN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(_file, b"%d %d\n" % (number, time.monotonic_ns()))


_file: int | None = None


def _handlers(ports: Ports) -> list[Registration]:
    return [on(Begin, BeginHandler()), on(Enqueue, EnqueueHandler(ports.jobs))]


HANDS: Final = Context(name="executor", handlers=_handlers, jobs=[Job(name="executor.begin", message=Begin)])


async def taskiq_worker(url: str) -> None:
    """Run what `taskiq worker` runs in each process: https://taskiq-python.github.io/guide/cli.html."""
    from taskiq.receiver import Receiver

    broker, _ = taskiq_broker(url)
    broker.is_worker_process = True
    await broker.startup()
    print("worker_started", flush=True)
    await Receiver(broker, executor=ThreadPoolExecutor(1), max_async_tasks=CONCURRENCY, run_startup=False).listen(asyncio.Event())


def taskiq_broker(url: str):
    from taskiq_aio_pika import AioPikaBroker

    broker = AioPikaBroker(url, qos=CONCURRENCY)

    async def begin(number: int) -> None:
        begun(number)

    return broker, broker.register_task(begin, task_name="begin")


if __name__ == "__main__":
    import uvloop

    uvloop.run(taskiq_worker(sys.argv[1]))
