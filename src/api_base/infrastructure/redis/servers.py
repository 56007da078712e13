"""What `address` leads to: one server, the primary that sentinels know, or a Cluster. Commands go to it, and answers come back.

Nothing is open before the first command. Connections are replaced when they are lost, so a server that returns is used again without a restart;
after a failover, the next connection goes to the new primary.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from api_base.infrastructure.redis import driver
from api_base.infrastructure.redis.address import RedisAddress
from api_base.infrastructure.redis.connection import Connection, Part, connect, encoded

CONNECTIONS: Final = 4
"""To one server. A command is sent on one that waits for no answer, if there is any: a large answer delays few others."""
RETRY_SECONDS: Final = 1.0
"""Seconds without another attempt to add a connection after one that failed: the server may have as many as it allows."""
NODE_CALLS: Final = 20
"""Commands to a Cluster that run at the same time; others wait."""
UNFINISHED: Final = 1000
"""Commands to a Cluster that may go on without their callers; beyond, it counts as unavailable."""
SCAN_COUNT: Final = 1000


class Servers(Protocol):
    """All raise `RedisError`, `RedisClusterException` and `OSError`."""

    async def execute(self, *command: Part) -> Any:
        """Return the answer to a command."""

    async def primaries(self) -> Sequence[Any]:
        """Return what has a part of the keys each, for `scan`."""

    async def scan(self, primary: Any, cursor: int, pattern: str) -> tuple[int, list[bytes]]:
        """Return the next cursor, 0 at the end, and some of the keys of `primary` that match a glob."""

    async def close(self) -> None:
        """End the calls and close the connections; the next command opens others."""


class OneServer(Servers):
    """One server, or the primary behind sentinels. A connection is opened by a task: it serves others when its caller gives up."""

    def __init__(self, address: RedisAddress, timeout: float) -> None:
        self._address, self._timeout = address, timeout
        self._sentinels = None if address.service is None else driver.sentinels(address, timeout)
        self._open: list[Connection] = []
        self._opening: asyncio.Task[Connection] | None = None
        self._paused_until = 0.0

    async def execute(self, *command: Part) -> Any:
        form, connection = encoded(*command), self._idlest()
        if connection is None:
            opening = self._another()
            await asyncio.wait([opening])  # goes on when this caller is cancelled
            if opening.cancelled():
                raise RedisConnectionError("The connections were closed.")
            connection = opening.result()
        return await connection.send(form)

    async def primaries(self) -> Sequence[Any]:
        return [None]

    async def scan(self, primary: Any, cursor: int, pattern: str) -> tuple[int, list[bytes]]:
        following, found = await self.execute("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
        return int(following), found

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for connection in [*self._open]:
            connection.end()
        if self._sentinels is not None:
            await self._sentinels.aclose()

    def _idlest(self) -> Connection | None:
        """Return a connection that waits for no answer, or for the fewest; None without any. If all wait, another one is opened for later."""
        for connection in self._open:
            if not connection.waiting:
                return connection
        if not self._open:
            return None
        if len(self._open) < CONNECTIONS and asyncio.get_running_loop().time() >= self._paused_until:
            self._another()
        return min(self._open, key=lambda one: one.waiting)

    def _another(self) -> asyncio.Task[Connection]:
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._connected())
            self._opening.add_done_callback(self._opened)
        return self._opening

    async def _connected(self) -> Connection:
        host, port = self._address.hosts[0]
        if self._sentinels is not None and self._address.service is not None:
            host, port = await self._sentinels.discover_master(self._address.service)
        made = await connect(host, port, self._address, self._timeout, self._ended)
        self._open.append(made)
        return made

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is not None:  # perhaps nobody waits for it
            self._paused_until = task.get_loop().time() + RETRY_SECONDS

    def _ended(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)


class ClusterServers(Servers):
    """The nodes of a Cluster by redis-py, which follows slots that move.

    Its pools raise as soon as all connections are in use, so others wait. A caller gives up before redis-py does. Its command goes on until
    redis-py has failed as well: only then does redis-py ask for the present nodes, and a connection whose opening takes longer than a caller
    waits serves the next one.
    """

    def __init__(self, address: RedisAddress, timeout: float) -> None:
        self._cluster, self._timeout = driver.cluster(address, timeout, 5 * NODE_CALLS), timeout
        self._free = asyncio.Semaphore(NODE_CALLS)
        self._unfinished: set[asyncio.Task[Any]] = set()

    async def execute(self, *command: Part) -> Any:
        return await self._shielded(lambda: self._cluster.execute_command(*command))

    async def primaries(self) -> Sequence[Any]:
        cluster: RedisCluster = await self._shielded(self._cluster.initialize)
        return cluster.get_primaries()

    async def scan(self, primary: Any, cursor: int, pattern: str) -> tuple[int, list[bytes]]:
        cursors, found = await self._shielded(lambda: self._cluster.scan(cursor, match=pattern, count=SCAN_COUNT, target_nodes=primary))
        (following,) = cursors.values()
        return following, found

    async def close(self) -> None:
        for task in [*self._unfinished]:
            task.cancel()
        await asyncio.gather(*self._unfinished, return_exceptions=True)
        await self._cluster.aclose()

    async def _shielded(self, use: Callable[[], Awaitable[Any]]) -> Any:
        if len(self._unfinished) >= UNFINISHED:
            raise RedisError("Too many commands have not ended.")
        task = asyncio.Task(self._in_turn(use), loop=asyncio.get_running_loop(), eager_start=True)
        self._unfinished.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _in_turn(self, use: Callable[[], Awaitable[Any]]) -> Any:
        if self._free.locked():
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            return await use()
        finally:
            self._free.release()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may have given up


def servers_at(address: RedisAddress, timeout: float) -> Servers:
    """Return the servers without a connection. Connecting and each answer take up to `timeout` seconds each."""
    return (ClusterServers if address.cluster else OneServer)(address, timeout)
