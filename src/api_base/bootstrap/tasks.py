"""The periodic tasks of the worker: events, jobs, and messages of other services. Tests pass shorter intervals and delays."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from api_base.application.common.cqrs import Message
from api_base.application.common.jobs import JobRunner
from api_base.application.common.remote import RemoteService
from api_base.bootstrap.services import Services
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import PeriodicTask
from api_base.core.shared import backoff
from api_base.infrastructure.db.notifications import CoalescingNotifier
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.database_publisher import DatabaseEventPublisher
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.events.outbox import EventPartitions
from api_base.infrastructure.events.relay import EarlyJournal, Relay
from api_base.infrastructure.realtime.sequencer import Sequencer
from api_base.infrastructure.serialization.json_codec import decode_as
from api_base.infrastructure.serialization.result_codec import encode_result
from api_base.infrastructure.tasks.completion import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.completion import result_json
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.executor import RENEWAL_INTERVAL, JobExecutor
from api_base.infrastructure.tasks.schedules import JobSchedules
from api_base.infrastructure.tasks.store import JobStager, SqlJobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTiming:
    """All in seconds.

    `poll_interval` passes between two polls, which find work without a notification; `renewal_interval` between two renewals of job leases.
    `retry_delay` returns the delay after a failed attempt (from 1) of a job or a delivery.
    """

    poll_interval: float = 1.0
    renewal_interval: float = RENEWAL_INTERVAL
    retry_delay: Callable[[int], float] = backoff.delay


HOURLY: Final = 3600.0


def event_work(services: Services, timing: WorkerTiming) -> Iterator[PeriodicTask]:
    """The tasks for deliveries in the database run with every transport, because each defers its failed deliveries to the database."""
    container, delivery, poll = services.container, services.container.event_delivery, timing.poll_interval
    pool, transport, durable = container.worker_database.pool, container.events, container.subscribers.durable
    sequencer = Sequencer(container.channels.rules, container.signals, services.settings.realtime.keep_events)
    brokered = not isinstance(transport.publisher, DatabaseEventPublisher)
    relay, partitions = Relay(pool, transport.publisher, sequencer, container.event_versions, early=brokered), EventPartitions(pool)
    if brokered:
        early = EarlyJournal(pool, sequencer, container.event_versions)
        yield PeriodicTask(name="deliver events to clients", group="relay", interval=poll, run=early.run, channel=STORED)
    yield PeriodicTask(
        name="publish events",
        group="relay",
        interval=poll,
        run=relay.run,
        channel=STORED,
        end=_both(transport.publisher.close, sequencer.close),
    )
    yield PeriodicTask(name="maintain event partitions", interval=HOURLY, run=partitions.run)
    for subscription in durable:
        consumer = DeliveryConsumer(pool, subscription, delivery, retry_delay=timing.retry_delay)
        yield PeriodicTask(name=subscription.name, group="subscribers", interval=poll, run=consumer.run, channel=DELIVERIES)
    streams = [stream for context in services.contexts for stream in context.streams]
    yield from transport.tasks(durable, streams, delivery, poll)


def _both(first: Callable[[], Awaitable[None]], second: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def end() -> None:
        await first()
        await second()

    return end


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
    leadership = container.leadership
    schedules = JobSchedules(pool, container.clock, container.jobs, declared, leadership)
    yield PeriodicTask(name="fire schedules", interval=poll, run=schedules.run, end=leadership.close)


def remote_work(services: Services) -> Iterator[PeriodicTask]:
    """Return the task. Returns none without `REMOTE__URL`, or if no context serves a message."""
    served = _served(services)
    if services.settings.remote.url is None or not served:
        return
    container = services.container
    service = RemoteService(
        services.bus,
        served,
        container.token_verifier,
        container.access,
        container.audit_store,
        decode=decode_as,
        encode=encode_result,
    )
    yield container.remote.task(service.answer)


def _served(services: Services) -> Mapping[str, type[Message[object]]]:
    """Return the served messages by name. Raises `ConfigurationError` for a message that two contexts serve."""
    served: dict[str, type[Message[object]]] = {}
    for context in services.contexts:
        if twice := sorted(served.keys() & context.remote.keys()):
            raise ConfigurationError(f"Two contexts serve the message {twice[0]!r}. Rename it in the `remote` of one of them.")
        served |= context.remote
    return served
