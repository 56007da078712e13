"""What the worker does for jobs: carries them out, keeps hold of them, makes those ready whose time has come, fires schedules."""

from collections.abc import Iterator
from typing import Final

from api_base.application.common.jobs import JobRunner
from api_base.bootstrap.adapters import rabbitmq_connection
from api_base.bootstrap.services import Services
from api_base.core.protocols import Periodic
from api_base.infrastructure.db.signal import Signal
from api_base.infrastructure.tasks.cancellation import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.database_worker import DatabaseJobWorker
from api_base.infrastructure.tasks.expiry import job_expiry
from api_base.infrastructure.tasks.hands import RENEWAL, JobHands
from api_base.infrastructure.tasks.messages import decode, encode_result
from api_base.infrastructure.tasks.promotion import JobPromotion
from api_base.infrastructure.tasks.queue import CHANNEL
from api_base.infrastructure.tasks.schedules import JobSchedules
from api_base.infrastructure.tasks.store import SqlJobStore

POLL: Final = 1.0
"""Seconds between looks where nobody tells."""


def job_work(services: Services) -> Iterator[Periodic]:
    """Raises `ConfigurationError` for a schedule that cannot be used."""
    container, settings = services.container, services.settings.jobs
    pool = container.worker_database().pool
    store = SqlJobStore(pool, settings.keep_days)
    runner = JobRunner(services.bus, container.jobs(), container.access(), decode, encode_result)
    hands = JobHands(store, runner.run, settings.concurrency, settings.grace_seconds)
    yield from _by_rabbitmq(services, store, hands) if settings.rabbitmq else _by_database(store, hands)
    promotion = JobPromotion(store, Signal(pool, CHANNEL))
    yield Periodic(name="hold on to jobs", kind="jobs", interval=RENEWAL, run=hands.renew, channel=CANCELLED)
    yield Periodic(name="make jobs ready", kind="jobs", interval=POLL, run=promotion.run)
    declared = [schedule for context in services.contexts for schedule in context.schedules]
    schedules = JobSchedules(pool, container.clock(), container.jobs(), declared)
    yield Periodic(name="fire schedules", interval=POLL, run=schedules.run)
    yield Periodic(name="clear finished jobs", interval=600.0, run=job_expiry(container.worker_database()).run)


def _by_database(store: SqlJobStore, hands: JobHands) -> Iterator[Periodic]:
    worker = DatabaseJobWorker(store, hands)
    yield Periodic(name="carry out jobs", kind="jobs", interval=POLL, run=worker.run, channel=CHANNEL, end=hands.end)


def _by_rabbitmq(services: Services, store: SqlJobStore, hands: JobHands) -> Iterator[Periodic]:
    """What publishes and what consumes have a connection each: a broker in need slows down the former."""
    from api_base.infrastructure.tasks.carriage import JobCarriage
    from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
    from api_base.infrastructure.tasks.rabbitmq_worker import RabbitMqJobWorker

    settings, policy = services.settings, services.container.policies().policy("rabbitmq")
    publishing, consuming = (rabbitmq_connection(settings.jobs.url, "JOBS__URL", settings.app_name) for _ in range(2))
    queue = RabbitMqJobQueue(publishing, settings.app_name, policy)
    carriage = JobCarriage(services.container.worker_database().pool, queue)
    yield Periodic(name="hand jobs to RabbitMQ", kind="jobs", interval=POLL, run=carriage.run, channel=CHANNEL, end=queue.close)
    worker = RabbitMqJobWorker(consuming, RabbitMqJobQueue(consuming, settings.app_name, policy), store, hands, settings.jobs.concurrency)
    yield Periodic(name="carry out jobs", kind="jobs", interval=POLL, run=worker.run, end=worker.end)
