"""Runs an operation of the command line on the application: its settings, its contexts and its database."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from api_base.bootstrap.configuration import load
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import Services, build, opened, worker_database
from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.serving.resolving import database, on


@contextmanager
def application() -> Iterator[tuple[Settings, Urls, Sequence[Context]]]:
    """Yield the settings, the URLs of the database, and the contexts. An embedded server that was started here is stopped at the end."""
    settings, contexts = load()
    with database(settings) as urls:
        yield settings, urls, contexts


def run[T](operation: Callable[[Settings, Sequence[Context]], Coroutine[Any, Any, T]]) -> T:
    """Await `operation`."""
    with application() as (settings, urls, contexts):
        return asyncio.run(operation(on(settings, urls), contexts))


def run_opened[T](operation: Callable[[Services], Coroutine[Any, Any, T]]) -> T:
    """Await `operation` with the wired and opened application: what the commands of a context use."""

    async def within(settings: Settings, contexts: Sequence[Context]) -> T:
        async with opened(build(settings, contexts)) as services:
            return await operation(services)

    return run(within)


def run_as_worker[T](operation: Callable[[Settings, ConnectionPool], Coroutine[Any, Any, T]]) -> T:
    """Await `operation` with connections of the role `worker`."""

    async def connected(settings: Settings, contexts: Sequence[Context]) -> T:
        async with worker_database(settings, contexts) as database:
            return await operation(settings, database.pool)

    return run(connected)
