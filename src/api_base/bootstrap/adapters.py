"""Makes what the container names, importing an adapter only where it is used."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dependency_injector import providers
from pydantic import SecretStr

from api_base.core.di import scheme_of
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.pool import PoolOptions

if TYPE_CHECKING:
    from api_base.core.protocols import (
        BreachedPasswords,
        Clock,
        LinkTokens,
        Mailer,
        PasswordHasher,
        PasswordPolicy,
        TokenIssuer,
        TokenVerifier,
    )
    from api_base.domain.common.events import Subscribers
    from api_base.infrastructure.auth.keys import SigningKey

type Section = Mapping[str, Any]


def dsn(name: str, database: Any) -> providers.Callable[str]:
    """The URL `name` of the database section; `direct_url` and `worker_url` are `url` where they are not given."""
    return providers.Callable(_dsn, name, database)


def _dsn(name: str, database: Section) -> str:
    url = database[name] or database["url"]
    text: str = url.get_secret_value()
    return text


def worker_connections(subscribers: "Subscribers") -> int:
    """What a worker cannot do without: one for each consumer, which keeps it while handlers run; two for the relay and its publisher;
    one for periodic work; three to take, hold and settle jobs; one to verify the audit trail. So none of them ever waits for another, however long that takes."""
    return len(subscribers.durable) + 7


def pool_options(database: Any, least: Any = 1) -> providers.Callable[PoolOptions]:
    """`least` is how many connections a process cannot do without: a number, or a provider of one."""
    return providers.Callable(_pool_options, database, least)


def _pool_options(database: Section, least: int) -> PoolOptions:
    return PoolOptions(
        size=max(database["pool_size"], least),
        acquire_timeout=database["acquire_timeout_seconds"],
        statement_timeout=database["statement_timeout_seconds"],
        prepared=database["pooler"] == "none",
    )


def scheme(variable: str, url: Any, known: tuple[str, ...]) -> providers.Callable[str]:
    """The scheme of a port's URL, by which its adapter is chosen among `known`."""
    return providers.Callable(_scheme, url, variable, known)


def _scheme(url: str | SecretStr, variable: str, known: tuple[str, ...]) -> str:
    return scheme_of(url if isinstance(url, str) else url.get_secret_value(), variable, known)


def signing_keys(security: Section) -> "Sequence[SigningKey]":
    from api_base.infrastructure.auth.keys import load

    return load([key.get_secret_value() for key in security["signing_keys"]], Path(security["key_dir"]))


def token_issuer(keys: "Sequence[SigningKey]", clock: "Clock", security: Section) -> "TokenIssuer":
    from api_base.infrastructure.auth.jwt import Ed25519TokenIssuer

    return Ed25519TokenIssuer(
        keys, clock, issuer=security["issuer"], audience=security["audience"], seconds=security["access_token_seconds"]
    )


def token_verifier(keys: "Sequence[SigningKey]", clock: "Clock", security: Section) -> "TokenVerifier":
    from api_base.infrastructure.auth.jwt import Ed25519TokenVerifier

    return Ed25519TokenVerifier(keys, clock, issuer=security["issuer"], audience=security["audience"])


def password_hasher(security: Section) -> "PasswordHasher":
    from api_base.infrastructure.auth.password_hasher import Argon2PasswordHasher

    return Argon2PasswordHasher(security["hash_concurrency"])


def link_tokens(keys: "Sequence[SigningKey]") -> "LinkTokens":
    from api_base.infrastructure.auth.link_tokens import HmacLinkTokens

    return HmacLinkTokens(keys)


def console_mailer() -> "Mailer":
    import sys

    from api_base.infrastructure.mail.console import ConsoleMailer

    return ConsoleMailer(sys.stdout)


def smtp_mailer(policy: Any, clock: "Clock", mail: Section, resilience: Section, production: bool) -> "Mailer":
    from api_base.infrastructure.mail.smtp import SmtpMailer, SmtpServer

    server = SmtpServer.parse(mail["url"].get_secret_value(), production=production)
    return SmtpMailer(policy, clock, server, mail["sender"], resilience["timeout_seconds"])


def breached_passwords(path: Path | None) -> "BreachedPasswords":
    from api_base.infrastructure.auth.breached import BreachedPasswordFile, NoBreachedPasswords

    return NoBreachedPasswords() if path is None else BreachedPasswordFile(path)


def password_policy(breached: "BreachedPasswords", security: Section) -> "PasswordPolicy":
    from api_base.infrastructure.auth.password_policy import ZxcvbnPasswordPolicy

    return ZxcvbnPasswordPolicy(breached, min_length=security["password_min_length"], min_score=security["password_min_score"])


def rabbitmq_connection(url: Any, variable: str, name: str) -> Any:
    """Raises `ConfigurationError` where the URL is not given or the driver is not installed."""
    if url is None:
        raise ConfigurationError(f"{variable}: is needed: amqp://user:password@host:port/vhost of a RabbitMQ")
    try:
        from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{variable}: RabbitMQ needs the extra: pip install 'python-api-base[rabbitmq]'") from error

    return RabbitMqConnection(url.get_secret_value(), name)


def remotes(connection: Any, policies: Any, resilience: Section) -> Any:
    from api_base.infrastructure.remote.remote_bus import RabbitMqRemotes
    from api_base.infrastructure.serialization.result_codec import decode_result, encode_result

    return RabbitMqRemotes(connection, policies.policy, resilience["timeout_seconds"], encode=encode_result, decode=decode_result)


def memory_limiter() -> Any:
    from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter

    return MemoryRateLimiter()


def policies(resilience: Section) -> Any:
    from api_base.infrastructure.resilience.patterns import BulkheadConfig, CircuitBreakerConfig, PolicyConfig, PolicyRegistry, RetryConfig

    config = PolicyConfig(
        bulkhead=BulkheadConfig(concurrent=resilience["concurrency"], queued=resilience["queue_size"]),
        retry=RetryConfig(attempts=resilience["attempts"]),
        breaker=CircuitBreakerConfig(
            window_seconds=resilience["window_seconds"],
            minimum_calls=resilience["minimum_calls"],
            failure_rate=resilience["failure_rate"],
            slow_seconds=resilience["slow_seconds"],
            slow_rate=resilience["slow_rate"],
            open_seconds=resilience["open_seconds"],
        ),
        timeout=resilience["timeout_seconds"],
    )
    return PolicyRegistry(config)


def kafka_connection(events: Section) -> Any:
    """Raises `ConfigurationError` if the URL is wrong or the driver is not installed."""
    try:
        from api_base.infrastructure.kafka.url import connection_at
    except ModuleNotFoundError as error:
        raise ConfigurationError("EVENTS__URL: Kafka needs the extra: pip install 'python-api-base[kafka]'") from error

    return connection_at(events["url"].get_secret_value(), events["prefix"])


def kafka_publisher(connection: Any, policy: Any, source: str) -> Any:
    from api_base.infrastructure.kafka.producer import KafkaEventPublisher

    return KafkaEventPublisher(connection, policy, source)


def counters(observability: Section) -> Any:
    from api_base.infrastructure.observability.counters import Counters

    return Counters(observability["metrics_dir"])


def metrics(own: Any, observability: Section) -> Any:
    from api_base.infrastructure.observability.exposition import MergedMetrics

    return MergedMetrics(own, observability["metrics_dir"])


def recorder(own: Any, telemetry: Any, pool: Any, policies: Any, observability: Section, production: bool) -> Any:
    import sys

    from api_base.infrastructure.observability.access_log import AccessLog
    from api_base.infrastructure.observability.recorder import BatchingRecorder

    log = (AccessLog(sys.stdout, json=json_logs(observability, production)),) if observability["access_log"] else ()
    spans = () if telemetry is None else (telemetry.requests,)
    return BatchingRecorder(own, (*log, *spans), lambda: _pool_gauges(pool), policies.figures)


def worker_recorder(own: Any, pool: Any, policies: Any) -> Any:
    """The worker answers no requests, and calls most of what is outside."""
    from api_base.infrastructure.observability.recorder import BatchingRecorder

    return BatchingRecorder(own, (), lambda: _pool_gauges(pool), policies.figures)


def _pool_gauges(pool: Any) -> Mapping[str, float]:
    figures = pool.figures()
    return {
        "database_pool_connections_open": figures.open,
        "database_pool_connections_idle": figures.idle,
        "database_pool_requests_waiting": figures.waiting,
    }


def telemetry(observability: Section, service: str, environment: str) -> Any:
    """The OpenTelemetry SDK, or None without an endpoint."""
    if observability["otlp_endpoint"] is None:
        return None
    from api_base.infrastructure.observability.telemetry.setup import start

    return start(
        service=service, environment=environment, endpoint=observability["otlp_endpoint"], sample_ratio=observability["trace_sample_ratio"]
    )


def json_logs(observability: Section, production: bool) -> bool:
    """Whether lines are JSON: always in production unless `console` is asked for."""
    chosen: str = observability["log_format"]
    return chosen == "json" or (chosen == "auto" and production)
