"""The wiring of the application: one line per port.

`Container` holds the providers; `Wiring` is its typed interface, the only one that other modules use. Every singleton is created closed, on
first access; `services.py` opens and closes it. Nothing here belongs to one request.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from api_base.application.common.cqrs import Bus, Middleware
from api_base.application.common.events import EventDelivery, EventTransport, EventVersions
from api_base.application.common.jobs import Jobs
from api_base.application.common.middleware.idempotency import IdempotencyMiddleware
from api_base.application.common.middleware.limits import LimitsMiddleware
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.application.common.middleware.trace import TraceMiddleware
from api_base.application.common.middleware.unit_of_work import Transactions, UnitOfWorkMiddleware
from api_base.application.common.middleware.visit import VisitMiddleware
from api_base.application.common.realtime import Channels, Realtime
from api_base.application.common.remote import RemoteTransport
from api_base.application.common.search import FallbackSearchIndex, SearchIndexes
from api_base.application.services.feature_flags import CurrentFlags, FeatureFlags
from api_base.application.services.file_upload.limits import Streams
from api_base.application.versions.calls import DeprecatedCalls
from api_base.bootstrap.access import ACCESS
from api_base.bootstrap.selections import Selections
from api_base.core.config import Settings
from api_base.core.di import Selection
from api_base.core.protocols import AfterResponse, Caches, Clock, Mailer, ObjectStorage, RateLimiter, Scanner, SearchIndex
from api_base.core.shared.lean_imports import without
from api_base.domain.common.events import Subscribers
from api_base.infrastructure.adapter_ports import AdapterPorts
from api_base.infrastructure.audit.mcp_calls import SqlMcpCallLog
from api_base.infrastructure.audit.store import AuditParticipant, SqlAuditStore
from api_base.infrastructure.auth import factory as auth
from api_base.infrastructure.auth.access import AccessSnapshot
from api_base.infrastructure.auth.link_tokens import HmacLinkTokens
from api_base.infrastructure.cache.query_cache import QueryCache
from api_base.infrastructure.db import factory as db
from api_base.infrastructure.db.notifications import CoalescingNotifier
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory
from api_base.infrastructure.events.consumer import DatabaseDeferredDeliveries
from api_base.infrastructure.events.outbox import CHANNEL as EVENTS
from api_base.infrastructure.events.outbox import Inbox, OutboxParticipant
from api_base.infrastructure.events.rows import decode
from api_base.infrastructure.idempotency.store import SqlIdempotencyStore
from api_base.infrastructure.locks.leadership import Leadership
from api_base.infrastructure.mail.limit import LimitedMailer
from api_base.infrastructure.observability import factory as observability
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from api_base.infrastructure.realtime import hub as realtime
from api_base.infrastructure.realtime.signals import Signals
from api_base.infrastructure.resilience.patterns import policies_of
from api_base.infrastructure.sequences.store import SqlSequences
from api_base.infrastructure.serialization.json_codec import encode
from api_base.infrastructure.storage.handlers import SubprocessContent
from api_base.infrastructure.system import SystemClock, Uuid7Generator
from api_base.infrastructure.tasks.backend import JobBackend
from api_base.infrastructure.tasks.completion import SqlJobCompletion
from api_base.infrastructure.tasks.database_queue import CHANNEL as JOBS
from api_base.infrastructure.tasks.database_queue import SqlJobQueue
from api_base.infrastructure.tenants.public_tenants import SqlPublicTenants
from api_base.interface.middleware.after_response import HttpAfterResponse
from api_base.interface.middleware.rate_limit import HttpLimitReport

with without("werkzeug", "yaml"):  # no view of Flask is wired, and no container is read from a file
    from dependency_injector import containers, providers
    from dependency_injector.providers import Dependency, Provider, Singleton


def _pipeline(
    settings: Settings,
    checker: RolePermissionChecker,
    limits: LimitsMiddleware,
    visits: VisitMiddleware,
    query_cache: QueryCache,
    transactions: Transactions,
    results: SqlIdempotencyStore,
    completion: SqlJobCompletion,
) -> Sequence[Middleware]:
    """Return the stages that each message passes before its handler, in order."""
    return (
        TraceMiddleware(settings.observability.otlp_endpoint is not None),
        PermissionMiddleware(checker),
        limits,
        visits,
        query_cache,
        RetryMiddleware(),
        UnitOfWorkMiddleware(transactions, IdempotencyMiddleware(results), completion),
    )


def _search(selection: "Selection[AdapterPorts, SearchIndex]", ports: AdapterPorts) -> SearchIndex:
    """Return the engine of `SEARCH__URL`, with the table of PostgreSQL behind it if the settings say so."""
    engine, fallback = selection.build(ports), ports.settings.search.fallback
    if fallback is None or selection.url == f"{fallback}://":
        return engine
    return FallbackSearchIndex(engine, selection.adapters[fallback].build(ports))


class Container(containers.DeclarativeContainer):
    """`permissions` maps each declared permission to its roles, `selections` holds the adapters that the settings select."""

    settings = Dependency(instance_of=Settings)
    permissions: Provider[Mapping[str, frozenset[str]]] = Dependency(instance_of=dict)
    selections = Dependency(instance_of=Selections)

    clock = Singleton(SystemClock)
    ids = Singleton(Uuid7Generator)
    sequences = Singleton(SqlSequences)
    subscribers = Singleton(Subscribers)
    jobs = Singleton(Jobs)
    channels = Singleton(Channels)
    search_indexes = Singleton(SearchIndexes)
    database = Singleton(db.database, settings)
    worker_database = Singleton(db.worker_database, settings, subscribers)

    checker = Singleton(RolePermissionChecker, permissions)
    access = Singleton(AccessSnapshot, database, ACCESS, checker.provided.permissions_of, clock, Singleton(db.direct_url, settings))
    signing_keys = Singleton(auth.signing_keys, settings)
    token_issuer = Singleton(auth.token_issuer, settings, signing_keys, clock)
    token_verifier = Singleton(auth.token_verifier, settings, signing_keys, clock)
    mcp_token_issuer = Singleton(auth.mcp_token_issuer, settings, signing_keys, clock)
    mcp_token_verifier = Singleton(auth.mcp_token_verifier, settings, signing_keys, clock)
    link_tokens = Singleton(HmacLinkTokens, signing_keys)
    partition_secret = Singleton(auth.partition_secret, signing_keys)
    password_policy = Singleton(auth.password_policy, settings)

    current_flags = Singleton(CurrentFlags)
    feature_flags = Singleton(FeatureFlags, current_flags)

    policies = Singleton(policies_of, settings)
    deprecated_calls = Singleton(DeprecatedCalls)
    counters = Singleton(Counters, settings.provided.observability.metrics_dir)
    metrics = Singleton(observability.metrics, settings, counters)
    telemetry = Singleton(observability.telemetry, settings)

    adapter_ports = Singleton(
        AdapterPorts,
        settings=settings,
        clock=clock,
        policy=policies.provided.policy,
        dispensable=policies.provided.dispensable,
        database=database,
        worker_pool=worker_database.provided.pool,
        subscribers=subscribers,
        deferred=Singleton(DatabaseDeferredDeliveries, worker_database.provided.pool),
        storage_keys=Singleton(auth.storage_keys, signing_keys).provider,
        search_indexes=search_indexes,
    )
    caches: Provider[Caches] = Singleton(Selection.build, selections.provided.cache, adapter_ports)
    recorder = Singleton(
        observability.recorder, settings, counters, telemetry, database.provided.figures, policies.provided.figures, caches
    )
    worker_recorder = Singleton(
        observability.worker_recorder, counters, telemetry, worker_database.provided.figures, policies.provided.figures, caches
    )
    query_cache = Singleton(QueryCache, caches)
    leadership: Provider[Leadership] = Singleton(Selection.build, selections.provided.locks, adapter_ports)
    rate_limiter: Provider[RateLimiter] = Singleton(Selection.build, selections.provided.rate_limit, adapter_ports)
    password_hasher = Singleton(auth.password_hasher, settings, rate_limiter)
    mailer: Provider[Mailer] = Singleton(
        LimitedMailer,
        Singleton(Selection.build, selections.provided.mail, adapter_ports),
        rate_limiter,
        settings.provided.mail.recipient_limit,
    )
    events: Provider[EventTransport] = Singleton(Selection.build, selections.provided.events, adapter_ports)
    job_backend: Provider[JobBackend] = Singleton(Selection.build, selections.provided.jobs, adapter_ports)
    remote: Provider[RemoteTransport] = Singleton(Selection.build, selections.provided.remote, adapter_ports)
    search: Provider[SearchIndex] = Singleton(_search, selections.provided.search, adapter_ports)

    storage: Provider[ObjectStorage] = Singleton(Selection.build, selections.provided.storage, adapter_ports)
    upload_streams = Singleton(
        Streams, settings.provided.files.upload_concurrency, settings.provided.files.total_upload_concurrency, counters.provided.gauge
    )
    scanner: Provider[Scanner] = Singleton(Selection.build, selections.provided.scanner, adapter_ports)
    content = Singleton(SubprocessContent, settings.provided.storage.allowed_types, settings.provided.storage.max_image_pixels)

    audit_participant = Singleton(AuditParticipant, ids, clock)
    audit_store = Singleton(SqlAuditStore, database.provided.pool, ids, clock)
    mcp_call_log = Singleton(SqlMcpCallLog, database.provided.pool, ids, clock)
    outbox_participant = Singleton(OutboxParticipant, ids, clock)
    inbox = Singleton(Inbox, clock)
    unit_of_work = Singleton(
        SqlUnitOfWorkFactory, database.provided.pool, providers.List(audit_participant, outbox_participant), inbox, query_cache
    )
    after_response: Provider[AfterResponse] = Singleton(HttpAfterResponse)
    event_versions = Singleton(EventVersions, providers.Object(encode), providers.Object(decode))
    event_signal = Singleton(CoalescingNotifier, database.provided.pool, EVENTS)
    job_signal = Singleton(CoalescingNotifier, database.provided.pool, JOBS)
    transactions = Singleton(Transactions, unit_of_work, subscribers, event_signal)
    event_delivery = Singleton(EventDelivery, transactions, providers.Object(decode), event_versions)
    idempotency_store = Singleton(SqlIdempotencyStore, database, clock)
    job_queue = Singleton(SqlJobQueue, jobs, checker, ids, clock, job_signal)
    job_completion = Singleton(SqlJobCompletion, settings.provided.jobs.keep_days)
    message_limits = Singleton(LimitsMiddleware, rate_limiter, Singleton(HttpLimitReport))
    visits = Singleton(VisitMiddleware, Singleton(SqlPublicTenants, database), rate_limiter)
    pipeline = Singleton(_pipeline, settings, checker, message_limits, visits, query_cache, transactions, idempotency_store, job_completion)
    bus = Singleton(Bus, pipeline)

    signals: Provider[Signals] = Singleton(Selection.build, selections.provided.realtime, adapter_ports)
    realtime: Provider[Realtime] = Singleton(
        realtime.hub, settings, channels, database, ids, bus.provided.execute, access, counters.provided.gauge, counters.provided.delivered
    )


@contextmanager
def wired_with(clock: Clock) -> Iterator[None]:
    """Let what is wired inside the block have this clock. For tests, which move the time."""
    with Container.clock.override(providers.Object(clock)):
        yield


class Provided[T]:
    """An attribute of `Wiring`: the object that the provider of the same name in `Container` creates."""

    def __init__(self, provider: Provider[T]) -> None:
        del provider  # it is here for its type; a container copies its providers

    def __set_name__(self, owner: type["Wiring"], name: str) -> None:
        self._name = name

    def __get__(self, wiring: "Wiring", owner: type["Wiring"]) -> T:
        provider: Provider[T] = wiring.providers[self._name]
        return provider()


class Wiring:
    """The wired application, with types. Each attribute is a singleton of the process, created on first access."""

    def __init__(self, settings: Settings, selections: Selections, permissions: Mapping[str, frozenset[str]]) -> None:
        self.providers = Container(settings=settings, selections=selections, permissions=dict(permissions)).providers

    access = Provided(Container.access)
    adapter_ports = Provided(Container.adapter_ports)
    after_response = Provided(Container.after_response)
    audit_participant = Provided(Container.audit_participant)
    audit_store = Provided(Container.audit_store)
    bus = Provided(Container.bus)
    caches = Provided(Container.caches)
    query_cache = Provided(Container.query_cache)
    channels = Provided(Container.channels)
    checker = Provided(Container.checker)
    clock = Provided(Container.clock)
    content = Provided(Container.content)
    counters = Provided(Container.counters)
    deprecated_calls = Provided(Container.deprecated_calls)
    current_flags = Provided(Container.current_flags)
    database = Provided(Container.database)
    event_signal = Provided(Container.event_signal)
    event_delivery = Provided(Container.event_delivery)
    event_versions = Provided(Container.event_versions)
    events = Provided(Container.events)
    feature_flags = Provided(Container.feature_flags)
    ids = Provided(Container.ids)
    sequences = Provided(Container.sequences)
    job_backend = Provided(Container.job_backend)
    job_completion = Provided(Container.job_completion)
    job_queue = Provided(Container.job_queue)
    jobs = Provided(Container.jobs)
    leadership = Provided(Container.leadership)
    link_tokens = Provided(Container.link_tokens)
    mcp_call_log = Provided(Container.mcp_call_log)
    mcp_token_issuer = Provided(Container.mcp_token_issuer)
    mcp_token_verifier = Provided(Container.mcp_token_verifier)
    message_limits = Provided(Container.message_limits)
    mailer = Provided(Container.mailer)
    metrics = Provided(Container.metrics)
    outbox_participant = Provided(Container.outbox_participant)
    partition_secret = Provided(Container.partition_secret)
    password_hasher = Provided(Container.password_hasher)
    password_policy = Provided(Container.password_policy)
    policies = Provided(Container.policies)
    rate_limiter = Provided(Container.rate_limiter)
    realtime = Provided(Container.realtime)
    recorder = Provided(Container.recorder)
    remote = Provided(Container.remote)
    scanner = Provided(Container.scanner)
    signals = Provided(Container.signals)
    storage = Provided(Container.storage)
    search = Provided(Container.search)
    search_indexes = Provided(Container.search_indexes)
    subscribers = Provided(Container.subscribers)
    telemetry = Provided(Container.telemetry)
    token_issuer = Provided(Container.token_issuer)
    token_verifier = Provided(Container.token_verifier)
    transactions = Provided(Container.transactions)
    upload_streams = Provided(Container.upload_streams)
    worker_database = Provided(Container.worker_database)
    worker_recorder = Provided(Container.worker_recorder)
