"""Connections of a pool: how one is opened, and the limits that PostgreSQL keeps on it."""

from dataclasses import dataclass

import asyncpg

from api_base.infrastructure.db.errors import unreachable

type Connection = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """`size` is the maximum number of connections; times are in seconds. `prepared` is false behind a transaction pooler.

    A statement that waits longer than `lock_timeout` for a lock fails (None: no limit); a transaction that sends nothing for
    `idle_transaction_timeout` is ended. A transaction pooler keeps neither.
    """

    size: int
    acquire_timeout: float
    statement_timeout: float
    lock_timeout: float | None = None
    idle_transaction_timeout: float = 60.0
    prepared: bool = True


async def connect(dsn: str, options: PoolOptions) -> Connection:
    """Open a connection. Raises `Unavailable`."""
    try:
        return await asyncpg.connect(
            dsn,
            timeout=options.acquire_timeout,
            statement_cache_size=1024 if options.prepared else 0,
            max_cached_statement_lifetime=0,
            command_timeout=None if options.prepared else options.statement_timeout,
            server_settings=_session_settings(options),
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(error) from error


def _session_settings(options: PoolOptions) -> dict[str, str]:
    """A transaction pooler refuses unknown parameters, so behind one the driver enforces the statement timeout."""
    if not options.prepared:
        return {"application_name": "api-base"}
    return {
        "application_name": "api-base",
        # One plan for each shape of statement. The planner's estimates do not depend on the tenant: planning for each set of values costs
        # more than most statements, and sometimes yields a plan that sorts all rows of a tenant.
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": _milliseconds(options.statement_timeout),
        "lock_timeout": _milliseconds(options.lock_timeout or 0),
        "idle_in_transaction_session_timeout": _milliseconds(options.idle_transaction_timeout),
    }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
