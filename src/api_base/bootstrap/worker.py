"""The composition of the background worker: the periodic tasks of the base and of every context, on the database as the role `worker`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from api_base.bootstrap.audit import audit_work
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import Services, build
from api_base.bootstrap.tasks import WorkerTiming, event_work, job_work, remote_work
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.pruner import Prune, Pruner
from api_base.infrastructure.idempotency.tables import IDEMPOTENCY_KEYS
from api_base.infrastructure.importing.tables import IMPORTS
from api_base.infrastructure.realtime.tables import CHANNEL_EVENTS, CHANNELS, MEMBERS, USER_CHANNEL_EVENTS, USER_CHANNELS
from api_base.infrastructure.tasks.backlog import Backlog
from api_base.infrastructure.tasks.tables import JOBS

BASE_PRUNES: Final = (
    Prune(table=IDEMPOTENCY_KEYS),
    Prune(table=IMPORTS, ended="created_at", keep=timedelta(days=7)),
    Prune(table=JOBS),
    Prune(table=MEMBERS, ended="leased_until"),
)
"""Tables of the base itself. A dead job has no `expires_at`: it stays until an operator handles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A wired background worker. Nothing is open or running: `api_base.serving.worker.run_worker` does both."""

    services: Services
    tasks: Sequence[PeriodicTask]


def create_worker(
    settings: Settings, contexts: Sequence[Context], only: Collection[str] = (), *, timing: WorkerTiming | None = None
) -> Worker:
    """Wire the background worker of an application with `contexts`. Nothing is opened.

    `only` names the groups of tasks to run; empty means all of them. Tests pass a shorter `timing` than the default.

    Raises `ConfigurationError` for an unknown group in `only`, an invalid schedule, and unusable keys of the audit trail.
    """
    services = build(settings, contexts)
    services.refuse_faults()
    return Worker(services=services, tasks=_selected(list(_tasks(services, timing or WorkerTiming())), only))


def _tasks(services: Services, timing: WorkerTiming) -> Iterable[PeriodicTask]:
    yield from event_work(services, timing)
    yield from job_work(services, timing)
    yield from audit_work(services)
    yield from remote_work(services)
    yield Backlog(services.container.worker_database, services.container.counters.gauge).task
    for prune in [*BASE_PRUNES, *_channel_prunes(services.settings), *(prune for context in services.contexts for prune in context.prune)]:
        yield Pruner(services.container.worker_database, prune).task
    for context in services.contexts:
        yield from context.background(services.worker_ports)


def _channel_prunes(settings: Settings) -> Iterable[Prune]:
    """A channel outlives its events: its epoch ends only when none of them is left."""
    kept = timedelta(hours=settings.realtime.keep_hours)
    for events, channels in ((CHANNEL_EVENTS, CHANNELS), (USER_CHANNEL_EVENTS, USER_CHANNELS)):
        yield Prune(table=events, ended="stored_at", keep=kept)
        yield Prune(table=channels, ended="used_at", keep=kept + timedelta(days=1))


def _selected(tasks: Sequence[PeriodicTask], only: Collection[str]) -> Sequence[PeriodicTask]:
    known = {task.group for task in tasks}
    if unknown := sorted(set(only) - known):
        raise ConfigurationError(f"--only: unknown kind of work: {', '.join(unknown)}. Choose from {', '.join(sorted(known))}.")
    return [task for task in tasks if not only or task.group in only]
