"""The worker's tasks for jobs: running them, renewing their leases, staging those whose time has come, firing schedules."""

from collections.abc import Iterator
from typing import Final

from api_base.application.common.jobs import JobRunner
from api_base.bootstrap.services import Services
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.notifier import CoalescingNotifier
from api_base.infrastructure.tasks.cancellation import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.executor import RENEWAL, JobExecutor
from api_base.infrastructure.tasks.messages import decode, encode_result
from api_base.infrastructure.tasks.schedules import JobSchedules
from api_base.infrastructure.tasks.stager import JobStager
from api_base.infrastructure.tasks.store import SqlJobStore

POLL: Final = 1.0
"""Seconds between two looks at the database without a notification."""


def job_work(services: Services) -> Iterator[PeriodicTask]:
    """Raises `ConfigurationError` for an invalid schedule."""
    container, settings = services.container, services.settings.jobs
    pool = container.worker_database.pool
    store = SqlJobStore(pool, settings.keep_days)
    runner = JobRunner(services.bus, container.jobs, container.access, decode, encode_result)
    executor = JobExecutor(store, runner.run, settings.concurrency, settings.grace_seconds)
    yield from container.job_backend.tasks(store, executor)
    stager = JobStager(store, CoalescingNotifier(pool, CHANNEL))
    yield PeriodicTask(name="renew leases of jobs", group="jobs", interval=RENEWAL, run=executor.renew, channel=CANCELLED)
    yield PeriodicTask(name="stage jobs", group="jobs", interval=POLL, run=stager.run)
    declared = [schedule for context in services.contexts for schedule in context.schedules]
    schedules = JobSchedules(pool, container.clock, container.jobs, declared)
    yield PeriodicTask(name="fire schedules", interval=POLL, run=schedules.run)
