"""The application without HTTP: contexts registered on the wiring, opened and closed in order.

HTTP's lifespan, the worker and the command line all use `build` and `opened`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from fastapi import APIRouter

from api_base.application.common.cqrs import Bus
from api_base.application.files.commands.attachments import Attachable
from api_base.application.services.feature_flags import CurrentFlags
from api_base.bootstrap import wiring_check
from api_base.bootstrap.container import Wiring
from api_base.bootstrap.context import Context, Ports, changes_of
from api_base.bootstrap.declarations import Declarations, declare
from api_base.bootstrap.opening import OpenedInOrder, ended_in_time
from api_base.bootstrap.sections import sectioned
from api_base.bootstrap.selections import select
from api_base.bootstrap.wiring_check import routes, versions
from api_base.bootstrap.wiring_check.events import named_events
from api_base.core.config import Problems, Settings
from api_base.core.errors import Fault, ProgrammingError, WiringError
from api_base.core.protocols import Resource
from api_base.core.shared.trace_context import keep_baggage
from api_base.infrastructure.db.changes import CHANGES
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.rbac.checker import PLATFORM_ADMIN
from api_base.interface.mcp.catalogue import refuse_exposed
from api_base.interface.versioning.shapes import Shapes, shapes_of
from api_base.interface.versioning.strategies import strategy_of
from api_base.interface.versioning.versions import ApiVersions

if TYPE_CHECKING:
    from api_base.infrastructure.flags.provider import FlagProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """A wired application. `ports` are the ports that its contexts received, `declarations` what these contexts declare."""

    settings: Settings
    contexts: Sequence[Context]
    container: Wiring
    bus: Bus
    ports: Ports
    declarations: Declarations
    versions: ApiVersions

    @property
    def worker_ports(self) -> Ports:
        """Return the same ports with the database as the role `worker`."""
        return replace(self.ports, database=self.container.worker_database)

    def refuse_faults(self, routers: Sequence[tuple[str, APIRouter]] | None = None) -> None:
        """Raise `WiringError` with every fault of the contexts and of `routers`, by default those of the contexts, with their prefixes.

        Routers are given once those of the contexts are sound, so that their versions are not compared again.
        """
        declared = self.declarations
        if routers is None and (
            wrong := list(versions.faults(self.contexts, self.settings.versions, self.versions.newest, declared.routers))
        ):
            raise WiringError([*declared.faults, *wrong])  # no route can be made of these
        mounted = self.mounted([*declared.routers, *declared.protocol_routers]) if routers is None else routers
        newest = list(self.versions.of(self.versions.newest, mounted))
        hidden = routes.below_public_path(mounted, self.settings.server.public_prefix)
        if found := [*declared.faults, *routes.faults(newest, declared, mounted), *hidden]:
            raise WiringError(found)

    def mounted(self, routers: Iterable[tuple[str, APIRouter]]) -> list[tuple[str, APIRouter]]:
        """Return routers with their prefixes in each version of the API. Raises `WiringError` for a route that an older version cannot have."""
        found: list[tuple[str, APIRouter]] = []
        for prefix, router in routers:
            try:
                found += self.versions.mounted(prefix, router)
            except ProgrammingError as error:
                raise WiringError([Fault(f"{prefix}{router.prefix}", str(error))]) from None
        return found


def build(settings: Settings, contexts: Sequence[Context]) -> Services:
    """Wire `contexts`; nothing is opened. Raises `ConfigurationError` with every problem of the contexts' settings, of URLs and extras.

    What is wrong with the contexts is noted: `Services.refuse_faults` raises it, and `opened` opens nothing then.
    """
    settings, sections = sectioned(settings, contexts)
    selections, problems = select(settings, [context.adapters for context in contexts])
    Problems((*sections.invalid, *problems.invalid), problems.unsafe).raise_any()
    keep_baggage(settings.observability.baggage_keys)
    permissions = {name: roles for context in contexts for name, roles in context.permissions.items()}
    attachable = {one.kind: one for context in contexts for one in context.attachable}
    container = Wiring(settings, selections, permissions)
    changes = changes_of(contexts)
    shapes = cache(partial(shapes_of, changes))
    ports = _ports(settings, container, attachable, shapes)
    declarations = declare(contexts, ports, container.bus)
    declarations.faults.extend(wiring_check.faults(declarations, container.database))
    _register(declarations, container)
    return Services(
        settings=settings,
        contexts=contexts,
        container=container,
        bus=container.bus,
        ports=ports,
        declarations=declarations,
        versions=ApiVersions(
            changes,
            shapes,
            declarations.routers,
            settings.versions.sunsets,
            settings.versions.oldest,
            strategy=strategy_of(settings.versions.strategy),
        ),
    )


def _register(declarations: Declarations, container: Wiring) -> None:
    """Add what contexts declare to the parts that use it, and note what these refuse."""
    attempt, contexts = declarations.attempt, [one.context for one in declarations.parts]
    for registration in declarations.sound_registrations:
        attempt(registration.declared_at, partial(container.bus.add, [registration]))
    events = {context.name: {event.name: [one.name for one in fields(event)] for event in named_events(context)} for context in contexts}
    roles = {name: roles for context in contexts for name, roles in context.permissions.items()}
    every = {event.name: [one.name for one in fields(event)] for context in contexts for event in named_events(context)}
    channels = {context.name: context.channels for context in contexts}
    attempt("CONTEXTS", partial(container.search_indexes.check, every, roles, container.search.problems))
    attempt(
        "CONTEXTS",
        partial(refuse_exposed, [one for context in contexts for one in context.mcp], roles, declarations.is_handled, PLATFORM_ADMIN),
    )
    attempt("CONTEXTS", partial(container.channels.add, channels, events, declarations.is_handled, roles))
    if not declarations.faults:
        container.subscribers.add(declarations.subscriptions)
        container.event_versions.add([event for context in contexts for event in context.events])
        container.jobs.add([job for context in contexts for job in (*context.jobs, *(one.job for one in context.importable))])


def _ports(settings: Settings, container: Wiring, attachable: Mapping[str, Attachable], shapes: Callable[[int | None], Shapes]) -> Ports:
    return Ports(
        settings=settings,
        database=container.database,
        worker_database=container.worker_database,
        caches=container.caches,
        flags=container.feature_flags,
        current_flags=container.current_flags,
        listener=container.access.listener,
        counters=container.counters,
        deprecated_calls=container.deprecated_calls,
        openfeature=lambda: _openfeature(container.current_flags),
        clock=container.clock,
        ids=container.ids,
        sequences=container.sequences,
        bus=container.bus,
        jobs=container.job_queue,
        shapes=shapes,
        job_progress=container.job_completion,
        audit_writer=container.audit_participant,
        event_writer=container.outbox_participant,
        events_stored=lambda: container.event_signal(),
        checker=container.checker,
        principals=container.access,
        after_response=container.after_response,
        token_issuer=container.token_issuer,
        mcp_token_issuer=container.mcp_token_issuer,
        link_tokens=container.link_tokens,
        password_hasher=container.password_hasher,
        password_policy=container.password_policy,
        mailer=container.mailer,
        storage=container.storage,
        upload_streams=container.upload_streams,
        attachable=attachable,
        content_inspector=container.content,
        thumbnailer=container.content,
        scanner=container.scanner,
        policy=container.policies.policy,
        search=container.search,
        search_indexes=container.search_indexes,
        remote=lambda service: container.remote.to(service),
    )


def _openfeature(flags: CurrentFlags) -> "FlagProvider":
    """Import the SDK, which takes a tenth of a second, only where it is used."""
    from api_base.infrastructure.flags.provider import FlagProvider

    return FlagProvider(flags)


@asynccontextmanager
async def opened(services: Services, *added: Resource) -> AsyncIterator[Services]:
    """Open the database, the lifespans of contexts, what is `added`, and the listener; close them in reverse, then the connections to Redis, S3 and other services."""
    container, declared = services.container, services.declarations
    if declared.faults:
        raise WiringError(declared.faults)
    container.access.listener.add(CHANGES, container.query_cache.notified, on_gap=lambda: None)  # what is missed ends by its age
    async with AsyncExitStack() as stack:
        stack.push_async_callback(container.caches.close)
        stack.push_async_callback(container.rate_limiter.close)
        stack.push_async_callback(container.storage.close)
        await stack.enter_async_context(OpenedInOrder(container.database))
        for context, lifespan in declared.lifespans:
            await stack.enter_async_context(ended_in_time(lifespan, context))
        await stack.enter_async_context(OpenedInOrder(*added, container.access.listener))
        if services.settings.remote.url is not None:
            stack.push_async_callback(container.remote.close)
        yield services


@asynccontextmanager
async def worker_database(settings: Settings, contexts: Sequence[Context]) -> AsyncIterator[Database]:
    """Open only the database, as the role `worker`. Raises `Unavailable` if it cannot be reached."""
    database = build(settings, contexts).container.worker_database
    await database.open()
    try:
        yield database
    finally:
        await database.close()
