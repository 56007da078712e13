"""The application without HTTP: container, bus and contexts wired together, opened and closed in order.

Built by `build`, which opens nothing; `opened` is what the command line, the worker and HTTP's lifespan all use.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from dependency_injector import providers

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.container import Container
from api_base.bootstrap.context import Context, Ports
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    settings: Settings
    contexts: Sequence[Context]
    container: Container
    bus: Bus
    ports: Ports

    @property
    def worker_ports(self) -> Ports:
        """The same for the background, on the database as the role `worker`."""
        return replace(self.ports, database=self.container.worker_database())


def build(settings: Settings, contexts: Sequence[Context]) -> Services:
    """Wire `contexts`. Raises `ConfigurationError` for two contexts of one name."""
    names = [context.name for context in contexts]
    if len(set(names)) != len(names):
        raise ConfigurationError(f"Two contexts have the same name: {', '.join(sorted(names))}")
    container = Container()
    container.config.from_dict(settings.model_dump())
    declared = {name: roles for context in contexts for name, roles in context.permissions.items()}
    container.permissions.override(providers.Object(declared))
    bus = container.bus()
    ports = Ports(
        settings=settings,
        database=container.database(),
        clock=container.clock(),
        ids=container.ids(),
        bus=bus,
        jobs=container.job_queue(),
        container=container,
    )
    subscribers, jobs = container.subscribers(), container.jobs()
    for context in contexts:
        bus.add(context.handlers(ports))
        for importable in context.importable:
            bus.add(importable.handlers(ports))
            jobs.add([importable.job])
        subscribers.add(context.subscribers(ports))
        jobs.add(context.jobs)
    return Services(settings=settings, contexts=contexts, container=container, bus=bus, ports=ports)


@asynccontextmanager
async def opened(services: Services) -> AsyncIterator[Services]:
    """Open what must be open, in order of need; close it in reverse."""
    container = services.container
    async with AsyncExitStack() as stack:
        for resource in (container.database(), container.access().listener):
            await resource.open()
            stack.push_async_callback(resource.close)
        if services.settings.remote.url is not None:
            stack.push_async_callback(container.remote_connection().close)
        yield services
