"""The one client of Redis or Valkey: one server, one behind Sentinel, or a Cluster; a policy around calls, and one kind of error."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from typing import Any, Final

from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from api_base.core.errors import Unavailable
from api_base.core.protocols import CircuitState
from api_base.infrastructure.redis.address import RedisAddress
from api_base.infrastructure.redis.connection import Part
from api_base.infrastructure.redis.servers import Servers, servers_at
from api_base.infrastructure.resilience.patterns import Policy

PROBE_TIMEOUT: Final = 5.0
"""Seconds that `check` waits for an answer."""
FAILURES: Final = (RedisError, RedisClusterException, OSError)
"""A Cluster without a reachable node is no `RedisError`."""


@dataclass(frozen=True, slots=True)
class Script:
    """Is sent once to each server and then called by its digest."""

    servers: Servers
    text: str
    digest: str

    async def __call__(self, keys: Sequence[str], arguments: Sequence[Part]) -> Any:
        """Return its answer. In a Cluster the keys are of one slot. Only in a call of the client, which translates errors."""
        try:
            return await self.servers.execute("EVALSHA", self.digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.servers.execute("EVAL", self.text, len(keys), *keys, *arguments)


class RedisClient:
    """Calls the servers at `address` through `policy`. Nothing is open before the first call."""

    def __init__(self, address: RedisAddress, policy: Policy, timeout: float) -> None:
        self._address, self._policy = address, policy
        self._servers = servers_at(address, timeout)
        self._probe: asyncio.Task[None] | None = None

    def script(self, lua: str) -> Script:
        """Return what runs a script on the servers."""
        return Script(self._servers, lua, sha1(lua.encode(), usedforsecurity=False).hexdigest())

    async def call[T](self, use: Callable[[Servers], Awaitable[T]]) -> T:
        """Return what `use` returns. Raises `Unavailable` if the server cannot be reached, answers with an error, or is too slow.

        After failures, a call probes whether the server can be used again. No caller waits for that: for this one, it cannot yet.
        """
        if self._policy.state is CircuitState.HALF_OPEN:
            if self._probe is None or self._probe.done():
                self._probe = asyncio.create_task(self._probed(use))
            raise Unavailable("Redis cannot be used.", reason="It has failed; a probe is on its way.")
        return await self._policy.execute(partial(self._translated, use))

    async def _probed(self, use: Callable[[Servers], Awaitable[Any]]) -> None:
        with suppress(Unavailable):
            await self._policy.execute(partial(self._translated, use))

    async def _translated[T](self, use: Callable[[Servers], Awaitable[T]]) -> T:
        try:
            return await use(self._servers)
        except FAILURES as error:
            raise Unavailable("Redis cannot be used.", reason=error) from error
        except (AttributeError, RuntimeError, TypeError) as error:
            if not _lost_connection(error):
                raise
            raise Unavailable("Redis cannot be used.", reason="The connection is lost.") from error

    async def keys(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield all keys that match a glob, in parts, by SCAN on each primary. Raises `Unavailable`."""
        for primary in await self.call(lambda servers: servers.primaries()):
            cursor = 0
            while True:
                cursor, found = await self.call(partial(_scan, primary, cursor, pattern))
                yield [str(key, "utf-8") for key in found]
                if cursor == 0:
                    break

    async def check(self) -> str:
        """Connect once, and return the name of the server. Raises `Unavailable`."""
        servers = servers_at(self._address, PROBE_TIMEOUT)
        try:
            await servers.execute("PING")
        except FAILURES as error:
            raise Unavailable("Redis cannot be used.", reason=f"{self._address}: {error}") from error
        finally:
            await servers.close()
        return f"Redis at {self._address}"

    async def close(self) -> None:
        """End the calls and close the connections; the next call opens others."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self._servers.close()


async def _scan(primary: Any, cursor: int, pattern: str, servers: Servers) -> tuple[int, list[bytes]]:
    return await servers.scan(primary, cursor, pattern)


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
