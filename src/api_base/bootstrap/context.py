"""`Context`: what a bounded context brings along. A new one touches its own folders and one line of `contexts`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter

from api_base.application.common.cqrs import Bus, Message, Registration
from api_base.application.common.events import Stream
from api_base.application.common.jobs import Job, Schedule
from api_base.application.common.remote import RemoteBus
from api_base.bootstrap.importing import Importable
from api_base.core.base import DomainEvent
from api_base.core.config import Settings
from api_base.core.protocols import Clock, IdGenerator, JobQueue, PeriodicTask
from api_base.domain.common.events import AnySubscription
from api_base.infrastructure.db.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a context's handlers are made with. `container` gives the rest to the contexts that come with the base."""

    settings: Settings
    database: Database
    clock: Clock
    ids: IdGenerator
    bus: Bus
    jobs: JobQueue
    container: Any

    def remote(self, service: str) -> RemoteBus:
        """The bus of another service, by its APP_NAME. Raises `ConfigurationError` without REMOTE__URL."""
        bus: RemoteBus = self.container.remotes().to(service)
        return bus


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything is optional but the name.

    `permissions` says which roles of a tenant hold which permission; the role `platform_admin` is the platform's own.
    `migrations` is the folder with the context's Alembic revisions; their branch label is the context's name.
    `events` are the classes of what it tells; others subscribe by name, and find the schema of each at `/events/<name>.json`.
    `jobs` are the commands that may be enqueued, `schedules` those that the clock enqueues.
    `remote` are messages that other services may have executed here, by the names that they know them by (`items.get`).
    `importable` are the kinds of import: `api-base import KIND`, and the commands of an import over HTTP.
    `streams` run where events go by way of Kafka. `routes` stand under `/api/v1`.
    """

    name: str
    tables: Sequence[sa.Table] = ()
    migrations: Path | None = None
    permissions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    handlers: Callable[[Ports], Sequence[Registration]] = lambda ports: ()
    events: Sequence[type[DomainEvent]] = ()
    subscribers: Callable[[Ports], Sequence[AnySubscription]] = lambda ports: ()
    jobs: Sequence[Job] = ()
    schedules: Sequence[Schedule] = ()
    streams: Sequence[Stream] = ()
    importable: Sequence[Importable] = ()
    remote: Mapping[str, type[Message[object]]] = field(default_factory=dict)
    background: Callable[[Ports], Sequence[PeriodicTask]] = lambda ports: ()
    routes: Callable[[Bus], APIRouter] | None = None
