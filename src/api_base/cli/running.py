"""Runs an operation of the command line on the application: its settings, its contexts and its database."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from api_base.bootstrap.configuration import load
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import worker_database
from api_base.core.config import Settings
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.serving.resolving import database, on


def run[T](operation: Callable[[Settings, Sequence[Context]], Coroutine[Any, Any, T]]) -> T:
    """Await `operation`. An embedded database that was started for it is stopped at the end."""
    settings, contexts = load()
    with database(settings) as urls:
        return asyncio.run(operation(on(settings, urls), contexts))


def run_as_worker[T](operation: Callable[[Settings, ConnectionPool], Coroutine[Any, Any, T]]) -> T:
    """Await `operation` with connections of the role `worker`."""

    async def connected(settings: Settings, contexts: Sequence[Context]) -> T:
        async with worker_database(settings, contexts) as database:
            return await operation(settings, database.pool)

    return run(connected)
