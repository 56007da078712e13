"""Connections to PostgreSQL: how one is opened, and the limits that the server, the kernel and the driver keep on it.

A firewall or a failover may forget a connection without a word. Then what was sent is never acknowledged, or acknowledged by somebody who
drops it: the kernel ends the first kind, the deadline of each statement and the pool's heartbeat the second.
"""

import socket
from dataclasses import dataclass
from typing import Final

import asyncpg

from api_base.core.errors import ConfigurationError
from api_base.core.shared.trace_units import enabled
from api_base.infrastructure.db.errors import unreachable
from api_base.infrastructure.db.statement_spans import log_statement

type Connection = asyncpg.Connection[asyncpg.Record]

OLDEST: Final = 16
"""The oldest version of PostgreSQL that works."""
UNACKNOWLEDGED_SECONDS: Final = 15
"""Seconds after which either kernel gives up a connection whose data nobody acknowledges [RFC 5482]."""
KEEPALIVE: Final = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": UNACKNOWLEDGED_SECONDS * 1000}
"""Options of TCP [tcp(7)], those that the platform has."""
DEADLINE_MARGIN: Final = 5.0
"""Seconds that the driver waits for the answer to a statement beyond the time after which the server cancels it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """`size` is the maximum number of connections; times are in seconds. `prepared` is false behind a transaction pooler.

    A statement that waits longer than `lock_timeout` for a lock fails (None: no limit); a transaction that sends nothing for
    `idle_transaction_timeout` is ended. A transaction pooler keeps neither. With `deadline` the driver also limits each statement, for work that no
    request's timeout ends: this costs 11 µs a statement.
    """

    size: int
    acquire_timeout: float
    statement_timeout: float
    lock_timeout: float | None = None
    idle_transaction_timeout: float = 60.0
    prepared: bool = True
    deadline: bool = False


async def connect(dsn: str, options: PoolOptions) -> Connection:
    """Open a connection. Raises `Unavailable`."""
    try:
        connection: Connection = await asyncpg.connect(
            dsn,
            timeout=options.acquire_timeout,
            statement_cache_size=1024 if options.prepared else 0,
            max_cached_statement_lifetime=0,
            command_timeout=_driver_timeout(options),
            server_settings=_session_settings(options),
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(error) from error
    if enabled():
        connection.add_query_logger(log_statement)
    keep_alive(connection)
    return connection


def check_version(connection: Connection) -> None:
    """Raise `ConfigurationError` for a server that is too old."""
    if (version := connection.get_server_version().major) < OLDEST:
        raise ConfigurationError(f"PostgreSQL {version} is too old. Use PostgreSQL {OLDEST} or newer.")


def keep_alive(connection: Connection) -> None:
    """Let the kernel find out that the other end is gone. Does nothing on a Unix-domain socket."""
    connected: socket.socket = connection._transport.get_extra_info("socket")  # the driver has no option for it
    if connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _driver_timeout(options: PoolOptions) -> float | None:
    if not options.prepared:
        return options.statement_timeout
    return options.statement_timeout + DEADLINE_MARGIN if options.deadline else None


def _session_settings(options: PoolOptions) -> dict[str, str]:
    """A transaction pooler refuses unknown parameters, so behind one the driver enforces the statement timeout."""
    if not options.prepared:
        return {"application_name": "api-base"}
    return {
        "application_name": "api-base",
        # One plan for each shape of statement. The planner's estimates do not depend on the tenant: planning for each set of values costs
        # more than most statements, and sometimes yields a plan that sorts all rows of a tenant.
        "plan_cache_mode": "force_generic_plan",
        "tcp_user_timeout": _milliseconds(UNACKNOWLEDGED_SECONDS),
        "statement_timeout": _milliseconds(options.statement_timeout),
        "lock_timeout": _milliseconds(options.lock_timeout or 0),
        "idle_in_transaction_session_timeout": _milliseconds(options.idle_transaction_timeout),
    }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
