"""The one client of Redis or Valkey: one server, one behind Sentinel, or a Cluster; RESP3, bounded concurrency, timeouts, a policy around calls.

redis-py's pools for Sentinel and Cluster raise as soon as all connections are in use. So at most `CONNECTIONS` calls run at the same time, and
others wait. Connections are opened at their first use and replaced when they are lost, so a server that returns is used again without a
restart; after a failover, the next connection goes to the new primary.

A caller gives up before redis-py does. Its call goes on until redis-py has failed as well: only then does redis-py ask the next Sentinel, or for the
present nodes of a Cluster, and a connection whose opening takes longer than a caller waits serves the next one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from redis.asyncio import Connection, ConnectionPool, Redis, RedisCluster, Sentinel, SSLConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from api_base.core.errors import Unavailable
from api_base.core.protocols import CircuitState
from api_base.infrastructure.redis.address import RedisAddress
from api_base.infrastructure.resilience.patterns import Policy

CONNECTIONS: Final = 20
"""Calls of one process that run at the same time; others wait."""
MOST: Final = 5 * CONNECTIONS
"""Connections to one server: a call may send several commands beside each other."""
UNFINISHED: Final = 1000
"""Calls that may go on without their callers; beyond, Redis counts as unavailable."""
PROBE_TIMEOUT: Final = 5.0
"""Seconds that `check` waits for an answer."""
SCAN_COUNT: Final = 1000
FAILURES: Final = (RedisError, RedisClusterException, OSError)
"""What redis-py raises. A Cluster without a reachable node is no `RedisError`."""


class RedisClient:
    """Calls the servers at `address` through `policy`. Nothing is open before the first call."""

    def __init__(self, address: RedisAddress, policy: Policy, timeout: float) -> None:
        self._address, self._policy, self._timeout = address, policy, timeout
        self._redis = _client(address, timeout)
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._probe: asyncio.Task[None] | None = None

    def script(self, lua: str) -> AsyncScript:
        """Return a script, which is sent once to each server and then called by its digest."""
        return self._redis.register_script(lua)

    async def call[T](self, use: Callable[[Any], Awaitable[T]]) -> T:
        """Return what `use` returns. Raises `Unavailable` if the server cannot be reached, answers with an error, or is too slow.

        After failures, a call probes whether the server can be used again. No caller waits for that: for this one, it cannot yet.
        """
        if self._policy.state is CircuitState.HALF_OPEN:
            if self._probe is None or self._probe.done():
                self._probe = asyncio.create_task(self._probed(use))
            raise Unavailable("Redis cannot be used.", reason="It has failed; a probe is on its way.")
        return await self._sent(use)

    async def _probed(self, use: Callable[[Any], Awaitable[Any]]) -> None:
        with suppress(Unavailable):
            await self._sent(use)

    async def _sent[T](self, use: Callable[[Any], Awaitable[T]]) -> T:
        async def shielded() -> T:
            if len(self._unfinished) >= UNFINISHED:
                raise Unavailable("Redis cannot be used.", reason="Too many calls have not ended.")
            task = asyncio.Task(self._translated(use), loop=asyncio.get_running_loop(), eager_start=True)
            self._unfinished.add(task)
            task.add_done_callback(self._ended)
            return await asyncio.shield(task)

        return await self._policy.execute(shielded)

    async def _translated[T](self, use: Callable[[Any], Awaitable[T]]) -> T:
        try:
            if self._free.locked():
                async with asyncio.timeout(self._timeout):
                    await self._free.acquire()
            else:
                await self._free.acquire()
            try:
                return await use(self._redis)
            finally:
                self._free.release()
        except FAILURES as error:
            raise Unavailable("Redis cannot be used.", reason=error) from error
        except (AttributeError, RuntimeError, TypeError) as error:
            if not _lost_connection(error):
                raise
            raise Unavailable("Redis cannot be used.", reason="The connection is lost.") from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may have given up

    async def keys(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield all keys that match a glob, in parts, by SCAN on each primary. Raises `Unavailable`."""
        for node in await self.call(_primaries):
            cursor = 0
            while True:
                cursor, found = await self.call(partial(_scan, cursor, pattern, node))
                yield found
                if cursor == 0:
                    break

    async def check(self) -> str:
        """Connect once, and return the name of the server. Raises `Unavailable`."""
        redis = _client(self._address, PROBE_TIMEOUT)
        try:
            await redis.ping()
        except FAILURES as error:
            raise Unavailable("Redis cannot be used.", reason=f"{self._address}: {error}") from error
        finally:
            await close(redis)
        return f"Redis at {self._address}"

    async def close(self) -> None:
        """End the calls and close the connections; the next call opens others."""
        open_calls = [*self._unfinished] if self._probe is None else [*self._unfinished, self._probe]
        for task in open_calls:
            task.cancel()
        await asyncio.gather(*open_calls, return_exceptions=True)
        await close(self._redis)


def _lost_connection(error: Exception) -> bool:
    """Whether the event loop raised it, for a connection that was lost between two of its steps.

    uvloop says that the handler is closed; asyncio, before Python 3.13.6, calls None [CPython issue 136234].
    """
    if isinstance(error, RuntimeError):
        return "the handler is closed" in str(error)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and frame.tb_frame.f_globals.get("__name__") == "asyncio.selector_events"


async def close(redis: Redis | RedisCluster) -> None:
    """Close the connections, also those to sentinels."""
    await redis.aclose()
    if isinstance(redis, Redis) and isinstance(pool := redis.connection_pool, SentinelConnectionPool):
        await pool.sentinel_manager.aclose()


async def _primaries(redis: Redis | RedisCluster) -> Sequence[ClusterNode | None]:
    if isinstance(redis, RedisCluster):
        return (await redis.initialize()).get_primaries()
    return [None]


async def _scan(cursor: int, pattern: str, node: ClusterNode | None, redis: Any) -> tuple[int, list[str]]:
    """Return the next cursor, and some of the keys of `node`; None means the only server."""
    if node is None:
        cursor, found = await redis.scan(cursor, match=pattern, count=SCAN_COUNT)
    else:
        cursors, found = await redis.scan(cursor, match=pattern, count=SCAN_COUNT, target_nodes=node)
        (cursor,) = cursors.values()
    return cursor, [str(key, "utf-8") for key in found if isinstance(key, bytes)]


def subscriber_at(address: RedisAddress, timeout: float, attempt: int) -> Redis:
    """Return a client for a subscription. Every node of a Cluster sends all messages; each attempt uses another one."""
    options = _options(address, timeout)
    if address.service is not None:
        return _behind_sentinel(address, address.service, options)
    return _single(*address.hosts[attempt % len(address.hosts)], address.tls, options)


def _client(address: RedisAddress, timeout: float) -> Redis | RedisCluster:
    """Return a client without a connection. Connecting and each answer take up to `timeout` seconds each."""
    options = _options(address, timeout)
    if address.cluster:
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        return RedisCluster(startup_nodes=nodes, max_connections=MOST, ssl=address.tls, **options)
    if address.service is not None:
        return _behind_sentinel(address, address.service, options)
    return _single(*address.hosts[0], address.tls, options)


def _options(address: RedisAddress, timeout: float) -> dict[str, Any]:
    return {
        "protocol": 3,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 1),  # a connection that the server closed while it was idle is replaced
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **address.options,
    }


def _behind_sentinel(address: RedisAddress, service: str, options: dict[str, Any]) -> Redis:
    sentinels = {**options, "ssl": address.tls, "db": 0, "username": None, "password": address.sentinel_password}
    made: Redis = Sentinel(address.hosts, sentinel_kwargs=sentinels).master_for(service, ssl=address.tls, max_connections=MOST, **options)
    return made


def _single(host: str, port: int, tls: bool, options: dict[str, Any]) -> Redis:
    kind = SSLConnection if tls else Connection
    return Redis.from_pool(ConnectionPool(connection_class=kind, host=host, port=port, max_connections=MOST, **options))
