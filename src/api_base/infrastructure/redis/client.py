"""The one client of a Redis or Valkey server: RESP3, a pool that waits, timeouts, and a policy around every call.

redis-py's own pool raises as soon as all connections are in use; `BlockingConnectionPool` waits for one. It opens connections at their first
use and replaces those that were lost, so a server that returns is used again without a restart.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from api_base.core.di import ca_file, check_url
from api_base.core.errors import Unavailable
from api_base.infrastructure.resilience.patterns import Policy

CONNECTIONS: Final = 20
"""Connections of one process. As many calls run at the same time; others wait."""
PORT: Final = 6379
SENTINEL_PORT: Final = 26379
PROBE_TIMEOUT: Final = 5.0
"""Seconds that `check` waits for an answer."""

_FORM: Final = "redis://user:password@host:port/0, or rediss://… for TLS"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """A server, as its URL names it."""

    host: str
    port: int
    options: dict[str, Any]
    tls: bool
    service: str = ""
    """The name under which Sentinels know the server. `host` and `port` are then one of them, `sentinels` the others."""
    sentinels: tuple[tuple[str, int], ...] = ()

    def pool(self, timeout: float) -> BlockingConnectionPool:
        """Return a closed pool. Waiting for a connection, connecting and each answer take up to `timeout` seconds each."""
        sockets: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "socket_keepalive": True}
        options: dict[str, Any] = {
            "max_connections": CONNECTIONS,
            "timeout": timeout,
            "protocol": 3,
            "retry": Retry(NoBackoff(), 1),  # a connection that the server closed while it was idle is replaced
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
            **sockets,
            **self.options,
        }
        if not self.service:
            kind = SSLConnection if self.tls else Connection
            return BlockingConnectionPool(connection_class=kind, host=self.host, port=self.port, **options)
        managed = SentinelManagedSSLConnection if self.tls else SentinelManagedConnection
        trusted = {name: value for name, value in self.options.items() if name.startswith("ssl_")}
        manager = Sentinel([(self.host, self.port), *self.sentinels], sentinel_kwargs={**sockets, **trusted, "ssl": self.tls})  # type: ignore[no-untyped-call]
        return SentinelPool(connection_class=managed, service_name=self.service, sentinel_manager=manager, **options)


class SentinelPool(BlockingConnectionPool, SentinelConnectionPool):
    """A pool that waits, of connections to the server that the Sentinels name: they are asked for each new connection."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


class RedisClient:
    """Calls the server at `address` through `policy`. Nothing is open before the first call."""

    def __init__(self, address: RedisAddress, policy: Policy, timeout: float) -> None:
        self._address, self._policy = address, policy
        self._redis = Redis(connection_pool=address.pool(timeout))

    def script(self, lua: str) -> AsyncScript:
        """Return a script, which is sent once and then called by its digest."""
        return self._redis.register_script(lua)

    async def call[T](self, use: Callable[["Redis"], Awaitable[T]]) -> T:
        """Return what `use` returns. Raises `Unavailable` if the server cannot be reached, answers with an error, or is too slow."""

        async def translated() -> T:
            try:
                return await use(self._redis)
            except (RedisError, OSError) as error:
                raise Unavailable("Redis cannot be used.", reason=error) from error

        return await self._policy.execute(translated)

    async def check(self) -> str:
        """Connect once, and return the name of the server. Raises `Unavailable`."""
        pool = self._address.pool(PROBE_TIMEOUT)
        try:
            await Redis(connection_pool=pool).ping()
        except (RedisError, OSError) as error:
            raise Unavailable("Redis cannot be used.", reason=f"{self._address.host}:{self._address.port}: {error}") from error
        finally:
            await pool.aclose()
        return f"Redis at {self._address.host}:{self._address.port}"

    async def close(self) -> None:
        """Close the connections; the next call opens others."""
        await self._redis.connection_pool.disconnect()


def address_at(url: str) -> RedisAddress:
    """Parse `redis://user:password@host:port/0`, or `rediss://…?ca=/path/ca.pem` for TLS.

    `?sentinel=name&sentinels=host:port,host:port`: the host is a Sentinel, as the others are, and names the server. User and password are the
    server's.

    Raises `ValueError`, which never shows the URL: it may hold a password.
    """
    check_url(url, _FORM, _accepted)
    parts = urlsplit(url)
    tls, parameters = parts.scheme == "rediss", _parameters(parts)
    ca, service, others = parameters.pop("ca", None), parameters.pop("sentinel", ""), parameters.pop("sentinels", "")
    if parameters:
        raise ValueError(f"has the unknown parameter {min(parameters)!r}; the parameters are ca, sentinel and sentinels")
    if others and not service:
        raise ValueError("has sentinels, which requires sentinel, the name under which they know the server")
    options: dict[str, Any] = {
        "db": int(_database(parts)),
        "username": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
    }
    if (authorities := ca_file(ca, tls=tls, scheme="rediss")) is not None:
        options["ssl_ca_certs"] = str(authorities)
    port = parts.port or (SENTINEL_PORT if service else PORT)
    return RedisAddress(host=parts.hostname or "", port=port, options=options, tls=tls, service=service, sentinels=_sentinels(others))


def _sentinels(text: str) -> tuple[tuple[str, int], ...]:
    """Raises `ValueError` for what is not a list of `host:port`."""
    found = []
    for one in filter(None, text.split(",")):
        host, colon, port = one.rpartition(":")
        if not host or not colon or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("must list sentinels as host:port,host:port")
        found.append((host, int(port)))
    return tuple(found)


def _accepted(parts: SplitResult) -> bool:
    _parameters(parts)
    database = _database(parts)
    return parts.scheme in ("redis", "rediss") and bool(parts.hostname) and database.isascii() and database.isdecimal()


def _database(parts: SplitResult) -> str:
    return parts.path.strip("/") or "0"


def _parameters(parts: SplitResult) -> dict[str, str]:
    """Raises `ValueError` for a malformed query."""
    return dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
