"""The transports: of events, of jobs, of mail, and of messages between services. Locks. The cache."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from api_base.core.config.values import Prefix, Section, ServiceUrl


class EventSettings(Section):
    """Variables `EVENTS__…`."""

    url: ServiceUrl = SecretStr("database://")
    """Where events are published: `database://`, to the subscribers of this application, or `kafka://user:password@host:port`,
    `kafka+ssl://…` for TLS; separate several brokers with commas. `?mechanism=SCRAM-SHA-256` replaces the default `SCRAM-SHA-512`,
    `ca=/path/ca.pem` replaces the system's certificate authorities; write / ? # @ : in user and password as %2F %3F %23 %40 %3A."""
    prefix: Prefix = "api-base"
    """Prefix of the application's Kafka topics, groups and transactions. No two applications may share one."""


class JobSettings(Section):
    """Variables `JOBS__…`."""

    url: ServiceUrl = SecretStr("database://")
    """How jobs reach workers: `database://`, or RabbitMQ at `amqp://user:password@host:port/vhost`, `amqps://…` for TLS."""
    concurrency: int = Field(64, ge=1, le=1000)
    """Jobs that one worker runs concurrently."""
    grace_seconds: float = Field(20.0, ge=0, le=600)
    """Seconds that running jobs have to finish when a worker stops."""
    keep_days: int = Field(7, ge=7, le=365)
    """Days that succeeded jobs are kept, with their results."""


class MailSettings(Section):
    """Variables `MAIL__…`."""

    url: ServiceUrl = SecretStr("console://")
    """`console://` prints mails to the worker's output. `smtp://user:password@host:587` upgrades to TLS by STARTTLS,
    `smtps://user:password@host:465` uses TLS from the start; write / ? # @ : in user and password as %2F %3F %23 %40 %3A."""
    sender: str = Field("api-base@example.com", min_length=3, max_length=254)
    """Address in the From header of mails."""
    recipient_limit: int = Field(5, ge=1)
    """E-mails of one kind (invitation, password reset …) per recipient and hour, counted at `RATE_LIMIT__URL`. Others are dropped."""
    links: str | None = None
    """URL of the pages that links in mails open, as in `<links>/reset-password#token=…`. Default: the server's own pages at `/links`."""

    @field_validator("sender")
    @classmethod
    def _address(cls, sender: str) -> str:
        name, at, domain = sender.rpartition("@")
        if not (name and at and domain) or not sender.isascii() or any(character.isspace() or character in '<>,;"' for character in sender):
            raise ValueError("must be an e-mail address without a name, such as no-reply@example.com")
        return sender

    @field_validator("links")
    @classmethod
    def _absolute(cls, links: str | None) -> str | None:
        if links is None:
            return None
        parts = urlsplit(links)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http(s) URL without query and fragment")
        return links.rstrip("/")


class RemoteSettings(Section):
    """Variables `REMOTE__…`."""

    url: ServiceUrl | None = None
    """RabbitMQ through which services execute each other's messages, `amqp://user:password@host:port/vhost`, `amqps://…` for TLS. A service
    is addressed by its APP_NAME. Default: no remote messages."""
    concurrency: int = Field(10, ge=1, le=1000)
    """Messages from other services that a worker handles concurrently."""


class LocksSettings(Section):
    """Variables `LOCKS__…`."""

    url: ServiceUrl = SecretStr("database://")
    """What decides which worker seals the audit trail and fires schedules: `database://`, advisory locks of PostgreSQL, or leases in Redis or
    Valkey, with the URLs of `CACHE__URL`."""
    prefix: Prefix = "api-base"
    """Prefix of the application's keys in Redis. No two applications may share one."""
    lease_seconds: float = Field(10.0, ge=1, le=3600)
    """Seconds after which another worker leads when the leader does not extend its lease in Redis."""


class CacheSettings(Section):
    """Variables `CACHE__…`."""

    url: ServiceUrl = SecretStr("memory://")
    """Where results of queries are cached: `memory://`, in each process, or Redis or Valkey at `redis://user:password@host:port/0`,
    `rediss://…` for TLS, or both: `tiered+redis://…`, `tiered+rediss://…`. `?ca=/path/ca.pem` replaces the system's certificate authorities;
    `redis+sentinel://…` and `redis+cluster://…` for several servers (docs/cache.md); write / ? # @ : in user and password as %2F %3F %23 %40 %3A."""
    prefix: Prefix = "api-base"
    """Prefix of the application's keys in Redis. No two applications may share one."""
    max_entries: int = Field(10_000, ge=1)
    """Values that `memory://` and `tiered+…` store in a process; the least recently used one gives way."""
    max_bytes: int = Field(16_777_216, ge=1024)
    """Memory that these values may take, in bytes."""
    timeout_seconds: float = Field(0.05, gt=0, le=10)
    """Seconds that a call of Redis may take. A request then goes on without the cache."""
