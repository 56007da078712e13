"""The periodic tasks of jobs: run them, renew their leases, stage those that are due, fire schedules, delete old ones."""

from collections.abc import Iterator

from api_base.application.common.jobs import JobRunner
from api_base.bootstrap.adapters import rabbitmq_connection
from api_base.bootstrap.services import Services
from api_base.bootstrap.timing import WorkerTiming
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.db.notifier import CoalescingNotifier
from api_base.infrastructure.serialization.json_codec import decode_as
from api_base.infrastructure.tasks.cancellation import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.completion import result_json
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.database_worker import DatabaseJobWorker
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.expiry import job_expiry
from api_base.infrastructure.tasks.schedules import JobSchedules
from api_base.infrastructure.tasks.stager import JobStager
from api_base.infrastructure.tasks.store import SqlJobStore


def job_work(services: Services, timing: WorkerTiming) -> Iterator[PeriodicTask]:
    """Raises `ConfigurationError` for an invalid schedule."""
    container, settings = services.container, services.settings.jobs
    pool, poll = container.worker_database().pool, timing.poll_interval
    store = SqlJobStore(pool, settings.keep_days)
    runner = JobRunner(services.bus, container.jobs(), container.access(), decode_as, result_json, timing.retry_delay)
    executor = JobExecutor(store, runner.run, settings.concurrency, settings.grace_seconds, renewal_interval=timing.renewal_interval)
    yield from _by_rabbitmq(services, store, executor, poll) if settings.rabbitmq else _by_database(store, executor, poll)
    stager = JobStager(store, CoalescingNotifier(pool, CHANNEL))
    yield PeriodicTask(name="renew job leases", group="jobs", interval=timing.renewal_interval, run=executor.renew, channel=CANCELLED)
    yield PeriodicTask(name="stage jobs", group="jobs", interval=poll, run=stager.run)
    declared = [schedule for context in services.contexts for schedule in context.schedules]
    schedules = JobSchedules(pool, container.clock(), container.jobs(), declared)
    yield PeriodicTask(name="fire schedules", interval=poll, run=schedules.run)
    yield PeriodicTask(name="delete finished jobs", interval=600.0, run=job_expiry(container.worker_database()).run)


def _by_database(store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterator[PeriodicTask]:
    worker = DatabaseJobWorker(store, executor)
    yield PeriodicTask(name="run jobs", group="jobs", interval=poll, run=worker.run, channel=CHANNEL, end=executor.end)


def _by_rabbitmq(services: Services, store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterator[PeriodicTask]:
    """Publisher and consumer have a connection each: a broker short of resources blocks connections that publish."""
    from api_base.infrastructure.tasks.dispatcher import JobDispatcher
    from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
    from api_base.infrastructure.tasks.rabbitmq_worker import RabbitMqJobWorker

    settings, policy = services.settings, services.container.policies().policy("rabbitmq")
    publishing, consuming = (rabbitmq_connection(settings.jobs.url, "JOBS__URL", settings.app_name) for _ in range(2))
    queue = RabbitMqJobQueue(publishing, settings.app_name, policy)
    dispatcher = JobDispatcher(services.container.worker_database().pool, queue)
    yield PeriodicTask(name="dispatch jobs to RabbitMQ", group="jobs", interval=poll, run=dispatcher.run, channel=CHANNEL, end=queue.close)
    worker = RabbitMqJobWorker(
        consuming, RabbitMqJobQueue(consuming, settings.app_name, policy), store, executor, settings.jobs.concurrency
    )
    yield PeriodicTask(name="run jobs", group="jobs", interval=poll, run=worker.run, end=worker.end)
