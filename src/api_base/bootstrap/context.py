"""`Context`: everything that a bounded context brings. A new one touches its own folders and one line of `CONTEXTS`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.middleware import Middleware

from api_base.application.common.cqrs import Bus, Message, Registration
from api_base.application.common.events import Stream
from api_base.application.common.jobs import Job, Schedule
from api_base.application.common.realtime import ChannelDeclaration
from api_base.application.common.remote import RemoteBus
from api_base.application.common.search import DeclaredIndex, SearchIndexes
from api_base.application.common.seeds import Seeds
from api_base.application.files.commands.attachments import Attachable
from api_base.application.services.feature_flags import CurrentFlags, FeatureFlags
from api_base.application.services.file_upload.limits import Streams
from api_base.application.versions.calls import DeprecatedCalls
from api_base.bootstrap.adapters import Adapters
from api_base.bootstrap.importing import Importable
from api_base.core import protocols
from api_base.core.base import DomainEvent
from api_base.core.config import Section, Settings
from api_base.core.errors import ProgrammingError
from api_base.core.shared.places import Declaration
from api_base.domain.common.events import AnySubscription
from api_base.infrastructure.db.changes import AuditWriter, EventWriter
from api_base.infrastructure.db.notifications import NotificationListener
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.db.schema import DeclaredTable
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.resilience.patterns import Policy
from api_base.interface.errors.shape import ProblemShape
from api_base.interface.graphql.declared import GraphQL
from api_base.interface.mcp import Exposed
from api_base.interface.middleware.auth import AuthenticationScheme
from api_base.interface.routes.versions import API
from api_base.interface.versioning import Change
from api_base.interface.versioning.shapes import Shapes

if TYPE_CHECKING:
    from api_base.infrastructure.flags.provider import FlagProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports from which contexts build their handlers. Everything is closed until the process opens it.

    `database` runs as the role that serves (in `background`, as the role `worker`), `worker_database` always as the role `worker`.
    `caches` holds cached values; wrap what loads them in `infrastructure.cache.decorators.cached`.
    `flags` reads feature flags for the caller of the current request; the context `flags` keeps `current_flags` up to date.
    `listener` listens to notifications of PostgreSQL; add channels while resources are built. `counters` are those of the metrics,
    `deprecated_calls` those of calls by tenant and client.
    `openfeature` returns the provider of OpenFeature over these flags, for `openfeature.api.set_provider`.
    `event_writer` stores events that no aggregate's change causes; call `events_stored` after their commit.
    `upload_streams` bounds the uploads that the process reads; `attachable` are those of all contexts, by kind.
    `policy` returns the policy of an outbound dependency by its name; `/health/ready` and the metrics show that dependency from then on.
    `search` is the engine of `SEARCH__URL`; the context `search` keeps the `search_indexes` of all contexts up to date in it.
    `shapes` returns what a version of the API takes and shows; that of the newest one for None.
    `remote` returns the bus of another service by its `APP_NAME`. It raises `ConfigurationError` without `REMOTE__URL`.
    """

    settings: Settings
    database: Database
    worker_database: Database
    caches: protocols.Caches
    flags: FeatureFlags
    current_flags: CurrentFlags
    listener: NotificationListener
    counters: Counters
    deprecated_calls: DeprecatedCalls
    openfeature: "Callable[[], FlagProvider]"
    clock: protocols.Clock
    ids: protocols.IdGenerator
    sequences: protocols.Sequences
    bus: Bus
    jobs: protocols.JobQueue
    shapes: Callable[[int | None], Shapes]
    job_progress: protocols.JobProgress
    audit_writer: AuditWriter
    event_writer: EventWriter
    events_stored: Callable[[], None]
    checker: protocols.PermissionChecker
    principals: protocols.PrincipalResolver
    after_response: protocols.AfterResponse
    token_issuer: protocols.TokenIssuer
    mcp_token_issuer: protocols.McpTokenIssuer
    link_tokens: protocols.LinkTokens
    password_hasher: protocols.PasswordHasher
    password_policy: protocols.PasswordPolicy
    mailer: protocols.Mailer
    storage: protocols.ObjectStorage
    upload_streams: Streams
    attachable: Mapping[str, Attachable]
    content_inspector: protocols.ContentInspector
    thumbnailer: protocols.Thumbnailer
    scanner: protocols.Scanner
    policy: Callable[[str], Policy]
    search: protocols.SearchIndex
    search_indexes: SearchIndexes
    remote: Callable[[str], RemoteBus]

    def section[S: Section](self, kind: type[S]) -> S:
        """Return the settings of the context that declares `settings=kind`. Raises `ProgrammingError` if none does."""
        for name in type(self.settings).model_fields:
            if type(found := getattr(self.settings, name)) is kind:
                return kind.model_validate(found)
        raise ProgrammingError(f"No context has the settings {kind.__name__}. Declare settings={kind.__name__} in its Context.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Declaration):
    """Everything is optional but the name.

    `requires` names the contexts without which this one cannot work: `CONTEXTS_DISABLED` does not leave them out.
    `prefix` is the path below which `routes` are served; `{version}` in it is that of each version of the API.
    `changes` are what versions of the API changed of its DTOs and bodies: docs/versions.md.
    `settings` is its section of the settings, a class derived from `Section`: the variables begin with the name of the context (`SHOP__CURRENCY`).
    `ports.section(ShopSettings)` returns them.
    `migrations` is the folder of the context's Alembic revisions; their branch label is the context's name.
    `permissions` maps each permission to the roles of a tenant that hold it; `platform_admin` is the role of the platform.
    `handlers` pairs messages with their handlers: `on(Message, handler)`.
    `events` are the classes of its events. Other contexts subscribe by name; `/events/<name>.json` serves the schema of each.
    `jobs` are the commands that may be enqueued, `schedules` those that are enqueued at certain times.
    `mcp` are the tools and resources of MCP clients: docs/mcp.md.
    `remote` maps names (`items.get`) to the messages that other services may send. `streams` run with a transport that supports them (Kafka).
    `importable` are the kinds of import: `api-base import KIND`, and the commands and the job of an import over HTTP.
    `attachable` are the aggregates to which files may be attached: docs/files.md.
    `channels` are the channels that connected clients may receive, and which events go to them: docs/realtime.md.
    `search_indexes` are what `/search` finds of the context (docs/search.md).
    `lifespan` is entered in each process, after the pools are open and before the first request, and ended before they close, within 10 seconds.
    `checks` are part of `/health/ready`; each has 2 seconds. `middleware` are ASGI middlewares of the requests below `prefix`, which no other context
    may then share: they run after the limits by address and the check of the token, and before the route, which refuses a request without a token.
    `authentication` adds schemes by which requests say who sends them: docs/authentication.md.
    `problem` is the shape of all errors below `prefix`; contexts that share the prefix name the same one: docs/contexts.md.
    `sentences` is the folder of the translations of its errors, `<language>.toml`: docs/languages.md.
    `openapi` changes the OpenAPI document of each version of the API, once, when it is complete.
    `commands` is the import path of a typer app (`package.module:NAME`), which `api-base <name of the context> …` runs.
    `seed` sends what a database begins with: `api-base seed`.
    `prune` declares which rows the worker deletes, `background` adds other periodic tasks.
    `protocol_routes` are served at the paths that another specification prescribes.
    `graphql` is a `GraphQL`, or the import path of one (`package.module:NAME`), imported with the first GraphQL request: docs/graphql.md.
    `adapters` adds schemes to the URLs that select the adapter of a port (`MAIL__URL=file://…`): docs/adapters.md.
    """

    name: str
    requires: Sequence[str] = ()
    settings: type[Section] | None = None
    tables: Sequence[DeclaredTable] = ()
    migrations: Path | None = None
    permissions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    handlers: Callable[[Ports], Sequence[Registration]] = lambda ports: ()
    events: Sequence[type[DomainEvent]] = ()
    subscribers: Callable[[Ports], Sequence[AnySubscription]] = lambda ports: ()
    jobs: Sequence[Job] = ()
    schedules: Sequence[Schedule] = ()
    streams: Sequence[Stream] = ()
    importable: Sequence[Importable] = ()
    attachable: Sequence[Attachable] = ()
    search_indexes: Sequence[DeclaredIndex[Ports]] = ()
    channels: Sequence[ChannelDeclaration] = ()
    mcp: Sequence[Exposed] = ()
    remote: Mapping[str, type[Message[object]]] = field(default_factory=dict)
    prune: Sequence[Prune] = ()
    background: Callable[[Ports], Sequence[protocols.PeriodicTask]] = lambda ports: ()
    lifespan: Callable[[Ports], AbstractAsyncContextManager[None]] | None = None
    checks: Callable[[Ports], Sequence[protocols.HealthCheck]] = lambda ports: ()
    authentication: Callable[[Ports], Sequence[AuthenticationScheme]] = lambda ports: ()
    middleware: Callable[[Ports], Sequence[Middleware]] = lambda ports: ()
    prefix: str = API
    routes: Callable[[Bus], APIRouter] | None = None
    changes: Sequence[Change] = ()
    protocol_routes: Callable[[Bus], APIRouter] | None = None
    problem: ProblemShape | None = None
    sentences: Path | None = None
    openapi: Callable[[dict[str, object]], None] | None = None
    commands: str | None = None
    seed: Callable[[Seeds], Awaitable[None]] | None = None
    graphql: GraphQL | str | None = None
    adapters: Adapters = field(default_factory=Adapters)


def changes_of(contexts: Sequence[Context]) -> list[Change]:
    """Return what the versions of the API changed in all contexts, the newest first."""
    return sorted((change for context in contexts for change in context.changes), key=lambda one: -one.version.number)
