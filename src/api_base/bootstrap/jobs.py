"""What the worker does for jobs: carries them out, keeps hold of them, makes those ready whose time has come, fires schedules."""

from collections.abc import Iterator
from typing import Final

from api_base.application.common.jobs import JobRunner
from api_base.bootstrap.services import Services
from api_base.core.protocols import Periodic
from api_base.infrastructure.db.signal import Signal
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
    worker = DatabaseJobWorker(store, hands)
    promotion = JobPromotion(store, Signal(pool, CHANNEL))
    yield Periodic(name="carry out jobs", kind="jobs", interval=POLL, run=worker.run, channel=CHANNEL, end=hands.end)
    yield Periodic(name="hold on to jobs", kind="jobs", interval=RENEWAL, run=hands.renew)
    yield Periodic(name="make jobs ready", kind="jobs", interval=POLL, run=promotion.run)
    declared = [schedule for context in services.contexts for schedule in context.schedules]
    schedules = JobSchedules(pool, container.clock(), container.jobs(), declared)
    yield Periodic(name="fire schedules", interval=POLL, run=schedules.run)
    yield Periodic(name="clear finished jobs", interval=600.0, run=job_expiry(container.worker_database()).run)
