"""What runs on what: one line per port, the adapter chosen by the scheme of its URL.

Singletons are built closed; `services.py` opens and closes them. Nothing here belongs to a single request. What not every
process needs is imported where it is built.
"""

from typing import Any

from dependency_injector import containers, providers

from api_base.application.common.cqrs import Bus
from api_base.application.common.jobs import Jobs
from api_base.application.common.middleware import (
    IdempotencyMiddleware,
    JobMiddleware,
    PermissionMiddleware,
    RetryMiddleware,
    TraceMiddleware,
    Transactions,
    UnitOfWorkMiddleware,
)
from api_base.bootstrap import adapters
from api_base.bootstrap.access import ACCESS
from api_base.domain.common.events import Subscribers
from api_base.infrastructure.audit.store import AuditParticipant, SqlAuditStore
from api_base.infrastructure.auth.access import AccessSnapshot
from api_base.infrastructure.db.notifier import CoalescingNotifier
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory
from api_base.infrastructure.events.database_publisher import DatabaseEventPublisher
from api_base.infrastructure.events.outbox import CHANNEL as EVENTS
from api_base.infrastructure.events.outbox import Inbox, OutboxParticipant
from api_base.infrastructure.idempotency.store import SqlIdempotencyStore
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from api_base.infrastructure.system.clock import SystemClock
from api_base.infrastructure.system.ids import Uuid7Generator
from api_base.infrastructure.tasks.completion import SqlJobCompletion
from api_base.infrastructure.tasks.database_queue import CHANNEL as JOBS
from api_base.infrastructure.tasks.database_queue import SqlJobQueue
from api_base.interface.middleware.after_response import HttpAfterResponse


def _middlewares(traced: bool, checker: Any, transactions: Transactions, store: Any, completion: Any) -> list[Any]:
    """The pipeline, in order. Caching goes before retrying, when it comes."""
    return [
        TraceMiddleware(traced),
        PermissionMiddleware(checker),
        RetryMiddleware(),
        UnitOfWorkMiddleware(transactions, IdempotencyMiddleware(store), JobMiddleware(completion)),
    ]


class Container(containers.DeclarativeContainer):
    """`config` is `Settings.model_dump()`, `permissions` what the contexts declare."""

    config = providers.Configuration(strict=True)
    production = providers.Callable("production".__eq__, config.environment)
    permissions = providers.Dependency(instance_of=dict)

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(Uuid7Generator)

    database = providers.Singleton(Database, adapters.dsn("url", config.database), adapters.pool_options(config.database))
    subscribers = providers.Singleton(Subscribers)
    at_once = providers.Callable(adapters.worker_connections, subscribers)
    worker_database = providers.Singleton(
        Database, adapters.dsn("worker_url", config.database), adapters.pool_options(config.database, at_once)
    )
    audit_participant = providers.Singleton(AuditParticipant, ids, clock)
    audit_store = providers.Singleton(SqlAuditStore, database.provided.pool, ids, clock)
    outbox_participant = providers.Singleton(OutboxParticipant, ids, clock)
    inbox = providers.Singleton(Inbox, clock)
    unit_of_work = providers.Singleton(
        SqlUnitOfWorkFactory, database.provided.pool, providers.List(audit_participant, outbox_participant), inbox
    )
    after_response = providers.Singleton(HttpAfterResponse)

    checker = providers.Singleton(RolePermissionChecker, permissions)
    access = providers.Singleton(
        AccessSnapshot, database, ACCESS, checker.provided.permissions_of, clock, adapters.dsn("direct_url", config.database)
    )
    signing_keys = providers.Singleton(adapters.signing_keys, config.security)
    token_issuer = providers.Singleton(adapters.token_issuer, signing_keys, clock, config.security)
    token_verifier = providers.Singleton(adapters.token_verifier, signing_keys, clock, config.security)
    link_tokens = providers.Singleton(adapters.link_tokens, signing_keys)
    password_hasher = providers.Singleton(adapters.password_hasher, config.security)
    breached_passwords = providers.Singleton(adapters.breached_passwords, config.security.breached_passwords)
    password_policy = providers.Singleton(adapters.password_policy, breached_passwords, config.security)

    rate_limiter = providers.Selector(
        adapters.scheme("RATE_LIMIT__URL", config.rate_limit.url, ("memory",)), memory=providers.Singleton(adapters.memory_limiter)
    )
    policies = providers.Singleton(adapters.policies, config.resilience)  # an adapter takes `policies.provided.policy.call("its name")`
    smtp = providers.Singleton(
        adapters.smtp_mailer, policies.provided.policy.call("mail"), clock, config.mail, config.resilience, production
    )
    mailer = providers.Selector(
        adapters.scheme("MAIL__URL", config.mail.url, ("console", "smtp", "smtps")),
        console=providers.Singleton(adapters.console_mailer),
        smtp=smtp,
        smtps=smtp,
    )
    counters = providers.Singleton(adapters.counters, config.observability)
    metrics = providers.Singleton(adapters.metrics, counters, config.observability)
    telemetry = providers.Singleton(adapters.telemetry, config.observability, config.app_name, config.environment)
    recorder = providers.Singleton(
        adapters.recorder, counters, telemetry, database.provided.pool, policies, config.observability, production
    )
    worker_recorder = providers.Singleton(adapters.worker_recorder, counters, worker_database.provided.pool, policies)

    event_signal = providers.Singleton(CoalescingNotifier, database.provided.pool, EVENTS)
    kafka_policy = policies.provided.policy.call("kafka")
    kafka_connection = providers.Singleton(adapters.kafka_connection, config.events)
    kafka_publisher = providers.Singleton(adapters.kafka_publisher, kafka_connection, kafka_policy, config.app_name)
    event_publisher = providers.Selector(
        adapters.scheme("EVENTS__URL", config.events.url, ("database", "kafka", "kafka+ssl")),
        database=providers.Singleton(DatabaseEventPublisher, worker_database.provided.pool, subscribers),
        **{"kafka": kafka_publisher, "kafka+ssl": kafka_publisher},
    )
    remote_connection = providers.Singleton(adapters.rabbitmq_connection, config.remote.url, "REMOTE__URL", config.app_name)
    remotes = providers.Singleton(adapters.remotes, remote_connection, policies, config.resilience)
    transactions = providers.Singleton(Transactions, unit_of_work, subscribers, event_signal)
    idempotency_store = providers.Singleton(SqlIdempotencyStore, database, clock)
    jobs = providers.Singleton(Jobs)
    job_queue = providers.Singleton(
        SqlJobQueue, jobs, checker, ids, clock, providers.Singleton(CoalescingNotifier, database.provided.pool, JOBS)
    )
    job_completion = providers.Singleton(SqlJobCompletion, config.jobs.keep_days)
    middlewares = providers.Singleton(
        _middlewares, config.observability.otlp_endpoint, checker, transactions, idempotency_store, job_completion
    )
    bus = providers.Singleton(Bus, middlewares)
