"""The network forgets connections to PostgreSQL without closing them: pools and listeners notice, and work goes on within 30 s."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from api_base.core.errors import Transient, Unavailable
from api_base.infrastructure.db import heartbeat
from api_base.infrastructure.db.connecting import KEEPALIVE, PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.notifications import NotificationListener
from api_base.infrastructure.db.session import Database

RECOVERY: Final = 30.0
OPTIONS: Final = PoolOptions(size=4, acquire_timeout=5, statement_timeout=20)


class Network:
    """A path to PostgreSQL over TCP. It drops what is sent on forgotten connections, acknowledged and unanswered, and lets new ones pass."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._forgotten: set[asyncio.Task[None]] = set()
        self._links: set[asyncio.Task[None]] = set()
        self._still = False

    def forget(self) -> None:
        self._forgotten = set(self._links)

    def stand_still(self) -> None:
        """Forget the connections, and let new ones wait for ever."""
        self.forget()
        self._still = True

    @asynccontextmanager
    async def path(self) -> AsyncIterator[str]:
        """The URL of the same database on this path."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield self._parts._replace(netloc=f"{self._parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}", query="").geturl()
        finally:
            server.close()
            for link in self._links:
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._still:
            self._links.add(cast("asyncio.Task[None]", asyncio.current_task()))
            await asyncio.Event().wait()
        host = parse_qs(self._parts.query).get("host", [self._parts.hostname or ""])[0]
        if host.startswith("/"):
            upstream = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{self._parts.port or 5432}")
        else:
            upstream = await asyncio.open_connection(host, self._parts.port)
        self._links |= {asyncio.create_task(self._copy(reader, upstream[1])), asyncio.create_task(self._copy(upstream[0], writer))}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while (data := await reader.read(65536)) or asyncio.current_task() in self._forgotten:
                if asyncio.current_task() not in self._forgotten:
                    writer.write(data)
                elif not data:
                    await asyncio.sleep(60)
            writer.close()


@pytest.mark.slow
async def test_a_forgotten_pool_serves_again_within_the_limit(migrated: Urls) -> None:
    """Idle connections, a statement under way, and a transaction: none holds up the others longer, or for ever."""
    network = Network(migrated.app)
    async with network.path() as url:
        database = Database(url, OPTIONS)
        await database.open()
        try:
            connections = [await database.pool.acquire() for _ in range(4)]
            for connection in connections[1:]:
                database.pool.release(connection)
            network.forget()
            began = asyncio.get_running_loop().time()
            stuck = asyncio.create_task(database.run(lambda connection: connection.fetchval("select 2")))
            with capture_logs() as logs:
                while not any(line["event"] == "connections_retired" for line in logs):
                    await asyncio.sleep(0.1)
                    assert asyncio.get_running_loop().time() < began + RECOVERY, "the pool has not noticed"
            with pytest.raises((Transient, Unavailable)):
                await stuck
            assert connections[0].is_closed()
            database.pool.retire(connections[0])
            values = [await database.run(lambda connection: connection.fetchval("select 1")) for _ in range(8)]
            assert values == [1] * 8
            assert asyncio.get_running_loop().time() < began + RECOVERY
            assert database.figures().open <= OPTIONS.size
        finally:
            await database.close()


@pytest.mark.slow
async def test_a_statement_has_a_deadline_of_the_driver(migrated: Urls) -> None:
    network = Network(migrated.app)
    async with network.path() as url:
        database = Database(url, PoolOptions(size=1, acquire_timeout=5, statement_timeout=0.5, deadline=True))
        await database.open()
        try:
            network.forget()
            with pytest.raises((Transient, Unavailable)):
                await asyncio.wait_for(database.run(lambda connection: connection.fetchval("select 1")), RECOVERY)
            assert await database.run(lambda connection: connection.fetchval("select 1")) == 1
        finally:
            await database.close()


async def test_the_kernel_watches_each_connection(migrated: Urls) -> None:
    async with Network(migrated.app).path() as url:
        database = Database(url, OPTIONS)
        await database.open()
        try:
            connection = await database.pool.acquire()
            opened: socket.socket = connection._transport.get_extra_info("socket")
            assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            found = {name: opened.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in KEEPALIVE if hasattr(socket, name)}
            assert found == {name: value for name, value in KEEPALIVE.items() if name in found}
            assert found
            database.pool.release(connection)
        finally:
            await database.close()


async def test_a_forgotten_listener_listens_again(migrated: Urls) -> None:
    network, gaps = Network(migrated.direct), asyncio.Semaphore(0)
    async with network.path() as url:
        listener = NotificationListener(url, "forgotten", lambda payload: None, gaps.release)
        await listener.open()
        try:
            await asyncio.wait_for(gaps.acquire(), RECOVERY)
            network.forget()
            await asyncio.wait_for(gaps.acquire(), RECOVERY)  # it is on a new connection
        finally:
            await listener.close()


@pytest.mark.slow
@pytest.mark.parametrize("acquire_timeout", [2, 30])
async def test_a_server_that_stands_still_is_noticed_while_every_connection_is_in_use(migrated: Urls, acquire_timeout: float) -> None:
    network = Network(migrated.app)
    async with network.path() as url:
        database = Database(url, PoolOptions(size=1, acquire_timeout=acquire_timeout, statement_timeout=120))
        await database.open()
        try:
            slow = database.run(lambda connection: connection.fetchval("select 1 from pg_sleep(2.5 * $1)", heartbeat.INTERVAL))
            assert await slow == 1  # the server answers others meanwhile
            stuck = asyncio.create_task(database.run(lambda connection: connection.fetchval("select 1 from pg_sleep(0.5)")))
            while database.figures().idle:
                await asyncio.sleep(0.01)
            network.stand_still()
            with pytest.raises((Transient, Unavailable)):
                await asyncio.wait_for(stuck, RECOVERY)
        finally:
            await database.close()
