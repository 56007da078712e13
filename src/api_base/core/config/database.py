"""The location of PostgreSQL, and the connection pool."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from api_base.core.config.values import Section, ServiceUrl


class DatabaseSettings(Section):
    """Variables `DATABASE__…`. Without a URL, the process starts the embedded server in `data_dir`, or attaches to it."""

    url: ServiceUrl = SecretStr("embedded://")
    """PostgreSQL URL of the role that serves requests, or `embedded://` for the server that is installed as a wheel."""
    owner_url: ServiceUrl | None = None
    """URL of the role that owns the tables and migrates."""
    worker_url: ServiceUrl | None = None
    """URL of the role that runs background work."""
    direct_url: ServiceUrl | None = None
    """URL of the serving role that bypasses a transaction pooler, for LISTEN. Default: `DATABASE__URL`."""
    data_dir: Path = Path(".api-base")
    """Directory of the embedded server's data and lock file."""
    embedded_port: int | None = Field(None, ge=1, le=65535)
    """Loopback port for the embedded server. Default: none, a private socket only."""
    pool_size: int = Field(10, ge=1, le=500)
    """Connections per process."""
    acquire_timeout_seconds: float = Field(5.0, gt=0, le=60)
    """Seconds that a request waits for a connection before the answer is 503."""
    statement_timeout_seconds: float = Field(20.0, gt=0, le=600)
    """Seconds after which PostgreSQL cancels a statement."""
    request_lock_timeout_seconds: float = Field(5.0, gt=0, le=60)
    """Seconds that a statement of a request waits for a lock before the answer is 503."""
    idle_transaction_timeout_seconds: float = Field(60.0, gt=0, le=600)
    """Seconds without a statement after which PostgreSQL ends a transaction, and its connection."""
    migration_lock_timeout_seconds: float = Field(5.0, gt=0, le=60)
    """Seconds that a migration waits for a lock on a table."""
    search_role: str = Field("search", min_length=1, max_length=63)
    """Role without login that owns the functions for text search; the owner must be a member of it."""
    pooler: Literal["none", "transaction"] = "none"
    """`transaction` behind PgBouncer in transaction mode: disables prepared statements. Set the timeouts for locks and idle transactions on the
    role then (`alter role … set`)."""

    def url_of(self, role: Literal["owner", "worker", "direct"]) -> str:
        """Return the URL of a role. A role without a URL of its own uses `url`."""
        urls = {"owner": self.owner_url, "worker": self.worker_url, "direct": self.direct_url}
        return (urls[role] or self.url).get_secret_value()

    @property
    def embedded(self) -> bool:
        """Whether the server in the wheel is used."""
        return self.url.get_secret_value().startswith("embedded:")
