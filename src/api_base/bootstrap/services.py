"""The application without HTTP: contexts registered on the wiring, opened and closed in order.

HTTP's lifespan, the worker and the command line all use `build` and `opened`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from api_base.application.common.cqrs import Bus
from api_base.application.files.commands.attachments import Attachable
from api_base.application.services.feature_flags import CurrentFlags
from api_base.bootstrap.container import Wiring
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.selections import select
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import Resource
from api_base.infrastructure.db.changes import CHANGES
from api_base.infrastructure.db.session import Database

if TYPE_CHECKING:
    from api_base.infrastructure.flags.provider import FlagProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """A wired application. `ports` are the ports that its contexts received, `resources` what these contexts open."""

    settings: Settings
    contexts: Sequence[Context]
    container: Wiring
    bus: Bus
    ports: Ports
    resources: Sequence[Resource]

    @property
    def worker_ports(self) -> Ports:
        """Return the same ports with the database as the role `worker`."""
        return replace(self.ports, database=self.container.worker_database)


def build(settings: Settings, contexts: Sequence[Context]) -> Services:
    """Wire `contexts`; nothing is opened. Raises `ConfigurationError` with every problem of URLs, extras and contexts."""
    names = [context.name for context in contexts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"Two contexts have the name {twice[0]!r}. Rename one of them.")
    selections, problems = select(settings, [context.adapters for context in contexts])
    problems.raise_any()
    permissions = {name: roles for context in contexts for name, roles in context.permissions.items()}
    attachable = {one.kind: one for context in contexts for one in context.attachable}
    container = Wiring(settings, selections, permissions)
    ports = _ports(settings, container, attachable)
    for context in contexts:
        container.search_indexes.add(context.search_indexes, ports)
    for context in contexts:
        container.bus.add(context.handlers(ports))
        for importable in context.importable:
            container.bus.add(importable.handlers(ports))
        container.subscribers.add(context.subscribers(ports))
        container.jobs.add([*context.jobs, *(importable.job for importable in context.importable)])
    container.search_indexes.check(
        {event.name: [one.name for one in fields(event)] for context in contexts for event in context.events},
        permissions,
        container.search.problems,
    )
    container.channels.add(
        {context.name: context.channels for context in contexts},
        {context.name: {event.name: [one.name for one in fields(event)] for event in context.events} for context in contexts},
        container.bus.handles,
        permissions,
    )
    resources = [resource for context in contexts for resource in context.resources(ports)]
    return Services(settings=settings, contexts=contexts, container=container, bus=container.bus, ports=ports, resources=resources)


def _ports(settings: Settings, container: Wiring, attachable: Mapping[str, Attachable]) -> Ports:
    return Ports(
        settings=settings,
        database=container.database,
        worker_database=container.worker_database,
        caches=container.caches,
        flags=container.feature_flags,
        current_flags=container.current_flags,
        listener=container.access.listener,
        counters=container.counters,
        openfeature=lambda: _openfeature(container.current_flags),
        clock=container.clock,
        ids=container.ids,
        bus=container.bus,
        jobs=container.job_queue,
        job_progress=container.job_completion,
        audit_writer=container.audit_participant,
        event_writer=container.outbox_participant,
        events_stored=lambda: container.event_signal(),
        checker=container.checker,
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
    """Open the database, what contexts bring, what is `added`, and the listener; close them in reverse, then the connections to Redis, S3 and other services."""
    container = services.container
    container.access.listener.add(CHANGES, container.query_cache.notified, on_gap=lambda: None)  # what is missed ends by its age
    async with AsyncExitStack() as stack:
        stack.push_async_callback(container.caches.close)
        stack.push_async_callback(container.rate_limiter.close)
        stack.push_async_callback(container.storage.close)
        for resource in (container.database, *services.resources, *added, container.access.listener):
            await resource.open()
            stack.push_async_callback(resource.close)
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
