"""The pools of the roles, built from the settings."""

from dataclasses import replace

from api_base.core.config import Settings
from api_base.domain.common.events import Subscribers
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.session import Database


def database(settings: Settings) -> Database:
    """Return the pool of the role `app`, closed."""
    database = settings.database
    return Database(database.url.get_secret_value(), _options(settings, database.pool_size, database.request_lock_timeout_seconds))


def worker_database(settings: Settings, subscribers: Subscribers) -> Database:
    """Return the pool of the role `worker`, closed, and large enough that no task waits for a connection.

    Each consumer holds a connection while its handlers run; the relay and its publisher take two, periodic tasks one, claiming, renewing
    and completing jobs three, and the verification of the audit trail one.
    """
    size = max(settings.database.pool_size, len(subscribers.durable) + 7)
    return Database(settings.database.url_of("worker"), replace(_options(settings, size), deadline=True))


def direct_url(settings: Settings) -> str:
    """Return the URL that bypasses a transaction pooler, for LISTEN."""
    return settings.database.url_of("direct")


def _options(settings: Settings, size: int, lock_timeout: float | None = None) -> PoolOptions:
    database = settings.database
    return PoolOptions(
        size=size,
        acquire_timeout=database.acquire_timeout_seconds,
        statement_timeout=database.statement_timeout_seconds,
        lock_timeout=lock_timeout,
        idle_transaction_timeout=database.idle_transaction_timeout_seconds,
        prepared=database.pooler == "none",
    )
