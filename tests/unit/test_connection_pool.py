"""The pool with a server that falls silent, and with tasks that are cancelled while it closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.db import heartbeat
from api_base.infrastructure.db import pool as pools
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.pool import ConnectionPool
from tests.virtual_time import in_virtual_time


class Link:
    """An open connection that nobody asks anything."""

    def __init__(self) -> None:
        self._closed = False

    def is_closed(self) -> bool:
        return self._closed

    def terminate(self) -> None:
        self._closed = True


class Server:
    """Accepts connections, unless it is silent."""

    silent = False

    async def connect(self, dsn: str, options: PoolOptions) -> Link:
        if self.silent:
            await asyncio.Event().wait()
        return Link()


@asynccontextmanager
async def pool_of_one(server: Server) -> AsyncIterator[ConnectionPool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "connect", server.connect)
        made = ConnectionPool("postgresql:///none", PoolOptions(size=1, acquire_timeout=5, statement_timeout=1))
        await made.open()
        try:
            yield made
        finally:
            await made.close(timeout=0)


@pytest.mark.parametrize("silent", [True, False], ids=["of a silent server", "of a server that answers others"])
@in_virtual_time
async def test_a_connection_in_use_is_ended_if_the_server_answers_no_new_one(silent: bool) -> None:
    """A statement that is under way for long has no other sign of life."""
    server = Server()
    async with pool_of_one(server) as pool:
        connection = await pool.acquire()
        server.silent = silent
        await asyncio.sleep(3 * heartbeat.INTERVAL + 2 * heartbeat.PATIENCE)
        assert connection.is_closed() is silent
        pool.release(connection)


@in_virtual_time
async def test_who_is_cancelled_in_the_moment_in_which_the_pool_closes_is_cancelled() -> None:
    """A cancellation that turned into another error would go on as an answer, and its timeout would not be one."""
    async with pool_of_one(Server()) as pool:
        held = await pool.acquire()
        cancelled, told = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
        await asyncio.sleep(0)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)  # both are told, and neither has run since
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        with pytest.raises(Unavailable, match="shutting down"):
            await told
        pool.release(held)
        await closing
