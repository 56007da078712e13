"""Runs the worker on an event loop until a signal."""

import asyncio
import signal

import uvloop

from api_base.bootstrap.installed import installed_contexts
from api_base.bootstrap.worker import create_worker
from api_base.cli.logs import log_as
from api_base.core.config import Settings


def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises `Unavailable` when the database cannot be reached at start."""
    log_as(settings)
    asyncio.run(_run(settings), loop_factory=uvloop.new_event_loop)


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await create_worker(settings, installed_contexts()).run(stop)
