"""Make a process pass the named points, by watching its database statements and its HTTP responses.

The product's own pools open the connections and its own server responds; watching does not change what they do.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import asyncpg

from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from chaos.points import ANSWER_HALF_SENT, Moment, Watch

ON_THE_WIRE: Final = 3
"""Iterations of the event loop after which data written to a connection has reached the kernel."""


def watch_pool(pool: ConnectionPool, watch: Watch, role: str) -> None:
    """Report the statements of every new connection of `pool`, which connects as `role`, to `watch`."""
    watched, connect = _watched(watch, role), pool._connect

    async def connected() -> Connection:
        connection = await connect()
        connection.__class__ = watched  # the same layout; asyncpg has no hook before a statement is sent
        return connection

    pool._connect = connected  # type: ignore[method-assign]


def _watched(watch: Watch, role: str) -> type[Connection]:
    class WatchedConnection(asyncpg.Connection):  # type: ignore[misc]
        __slots__ = ()

        async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
            return await watched_call(query, super().execute(query, *args, timeout=timeout))

        async def executemany(self, command: str, args: Any, *, timeout: float | None = None) -> None:
            return await watched_call(command, super().executemany(command, args, timeout=timeout))

        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            return await watched_call(query, super().fetch(query, *args, **options))

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            return await watched_call(query, super().fetchrow(query, *args, **options))

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            return await watched_call(query, super().fetchval(query, *args, **options))

    async def watched_call[T](sql: str, statement: Coroutine[Any, Any, T]) -> T:
        watch.come_by(watch.points(Moment.BEFORE, role, sql))
        if points := watch.points(Moment.SENT, role, sql):
            result = await _sent(statement, partial(watch.come_by, points))
        else:
            result = await statement
        watch.come_by(watch.points(Moment.AFTER, role, sql))
        return result

    return WatchedConnection


async def _sent[T](statement: Coroutine[Any, Any, T], then: Callable[[], None]) -> T:
    """Await `statement`, and call `then` while it waits for its result."""
    answered = asyncio.ensure_future(statement)
    for _ in range(ON_THE_WIRE):
        await asyncio.sleep(0)
    if not answered.done():
        then()
    return await answered


def watch_answers(watch: Watch) -> None:
    """Pass a point when the head of an HTTP response is sent and its body is not."""
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    send = RequestResponseCycle.send

    async def telling(self: RequestResponseCycle, message: Any) -> None:
        await send(self, message)
        if message["type"] == "http.response.start" and self.scope["method"] != "GET" and message["status"] < 300:
            for _ in range(ON_THE_WIRE):
                await asyncio.sleep(0)
            watch.come_by([ANSWER_HALF_SENT])

    RequestResponseCycle.send = telling  # type: ignore[method-assign]
