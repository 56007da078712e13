"""What the worker does for jobs: carries them out, keeps hold of them, makes those ready whose time has come, fires schedules."""

from collections.abc import Iterator
from typing import Final

from api_base.application.common.jobs import JobRunner
from api_base.bootstrap.adapters import rabbitmq_connection
from api_base.bootstrap.services import Services
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.notifier import CoalescingNotifier
from api_base.infrastructure.tasks.cancellation import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.database_worker import DatabaseJobWorker
from api_base.infrastructure.tasks.executor import RENEWAL, JobExecutor
from api_base.infrastructure.tasks.messages import decode, encode_result
from api_base.infrastructure.tasks.schedules import JobSchedules
from api_base.infrastructure.tasks.stager import JobStager
from api_base.infrastructure.tasks.store import SqlJobStore

POLL: Final = 1.0
"""Seconds between looks where nobody tells."""


def job_work(services: Services) -> Iterator[PeriodicTask]:
    """Raises `ConfigurationError` for a schedule that cannot be used."""
    container, settings = services.container, services.settings.jobs
    pool = container.worker_database().pool
    store = SqlJobStore(pool, settings.keep_days)
    runner = JobRunner(services.bus, container.jobs(), container.access(), decode, encode_result)
    executor = JobExecutor(store, runner.run, settings.concurrency, settings.grace_seconds)
    yield from _by_rabbitmq(services, store, executor) if settings.rabbitmq else _by_database(store, executor)
    stager = JobStager(store, CoalescingNotifier(pool, CHANNEL))
    yield PeriodicTask(name="hold on to jobs", group="jobs", interval=RENEWAL, run=executor.renew, channel=CANCELLED)
    yield PeriodicTask(name="make jobs ready", group="jobs", interval=POLL, run=stager.run)
    declared = [schedule for context in services.contexts for schedule in context.schedules]
    schedules = JobSchedules(pool, container.clock(), container.jobs(), declared)
    yield PeriodicTask(name="fire schedules", interval=POLL, run=schedules.run)


def _by_database(store: SqlJobStore, executor: JobExecutor) -> Iterator[PeriodicTask]:
    worker = DatabaseJobWorker(store, executor)
    yield PeriodicTask(name="carry out jobs", group="jobs", interval=POLL, run=worker.run, channel=CHANNEL, end=executor.end)


def _by_rabbitmq(services: Services, store: SqlJobStore, executor: JobExecutor) -> Iterator[PeriodicTask]:
    """What publishes and what consumes have a connection each: a broker in need slows down the former."""
    from api_base.infrastructure.tasks.dispatcher import JobDispatcher
    from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
    from api_base.infrastructure.tasks.rabbitmq_worker import RabbitMqJobWorker

    settings, policy = services.settings, services.container.policies().policy("rabbitmq")
    publishing, consuming = (rabbitmq_connection(settings.jobs.url, "JOBS__URL", settings.app_name) for _ in range(2))
    queue = RabbitMqJobQueue(publishing, settings.app_name, policy)
    dispatcher = JobDispatcher(services.container.worker_database().pool, queue)
    yield PeriodicTask(name="hand jobs to RabbitMQ", group="jobs", interval=POLL, run=dispatcher.run, channel=CHANNEL, end=queue.close)
    worker = RabbitMqJobWorker(
        consuming, RabbitMqJobQueue(consuming, settings.app_name, policy), store, executor, settings.jobs.concurrency
    )
    yield PeriodicTask(name="carry out jobs", group="jobs", interval=POLL, run=worker.run, end=worker.end)
