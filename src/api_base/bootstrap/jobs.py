"""The periodic tasks of jobs: run them, renew their leases, stage those that are due, fire schedules."""

from collections.abc import Iterator

from api_base.application.common.jobs import JobRunner
from api_base.bootstrap.services import Services
from api_base.bootstrap.timing import WorkerTiming
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.notifications import CoalescingNotifier
from api_base.infrastructure.serialization.json_codec import decode_as
from api_base.infrastructure.tasks.cancellation import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.completion import result_json
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.schedules import JobSchedules
from api_base.infrastructure.tasks.store import JobStager, SqlJobStore


def job_work(services: Services, timing: WorkerTiming) -> Iterator[PeriodicTask]:
    """Return the tasks. Raises `ConfigurationError` for an invalid schedule."""
    container, settings = services.container, services.settings.jobs
    pool, poll = container.worker_database.pool, timing.poll_interval
    store = SqlJobStore(pool, settings.keep_days)
    runner = JobRunner(services.bus, container.jobs, container.access, decode_as, result_json, timing.retry_delay)
    executor = JobExecutor(store, runner.run, settings.concurrency, settings.grace_seconds, renewal_interval=timing.renewal_interval)
    yield from container.job_backend.tasks(store, executor, poll)
    stager = JobStager(store, CoalescingNotifier(pool, CHANNEL))
    yield PeriodicTask(name="renew job leases", group="jobs", interval=timing.renewal_interval, run=executor.renew, channel=CANCELLED)
    yield PeriodicTask(name="stage jobs", group="jobs", interval=poll, run=stager.run)
    declared = [schedule for context in services.contexts for schedule in context.schedules]
    schedules = JobSchedules(pool, container.clock, container.jobs, declared)
    yield PeriodicTask(name="fire schedules", interval=poll, run=schedules.run)
