"""`JOBS__URL=amqp://…`: RabbitMQ delivers references of ready jobs, and workers claim each job from the table by its key.

A message is acknowledged after the outcome of its job is committed. Until then it may be delivered again: the job then belongs to another
worker, or is done, and cannot be claimed.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from aio_pika.abc import AbstractIncomingMessage

from api_base.core.protocols import ClaimedJob, PeriodicTask, Probe
from api_base.core.shared.logging import get_logger
from api_base.core.shared.trace_context import TraceContext
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection, check
from api_base.infrastructure.rabbitmq.consumer import RabbitMqConsumer
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.tasks.backend import JobRef
from api_base.infrastructure.tasks.database_queue import CHANNEL
from api_base.infrastructure.tasks.dispatcher import JobDispatcher
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
from api_base.infrastructure.tasks.store import SqlJobStore

logger = get_logger(__name__)


class RabbitMqJobWorker:
    """`max_concurrency` equals that of `executor`. `queue` uses `connection`, which the worker closes when it ends."""

    def __init__(
        self, connection: RabbitMqConnection, queue: RabbitMqJobQueue, store: SqlJobStore, executor: JobExecutor, max_concurrency: int
    ) -> None:
        self._queue, self._store, self._executor = queue, store, executor
        self._consumer = RabbitMqConsumer(connection, queue.declare, self._received, max_concurrency)
        self.run = self._consumer.run

    async def end(self) -> None:
        """Stop consuming; finish the running jobs, or release them together with their messages."""
        await self._consumer.stop()
        try:
            await self._executor.end()
        finally:
            await self._consumer.close()
            await self._queue.close()

    async def _received(self, message: AbstractIncomingMessage) -> None:
        try:
            ref = JobRef.decoded(message.body)
        except ValueError as error:
            logger.warning("message_names_no_job", reason=str(error))
            await message.reject(requeue=False)  # to the dead letters
            return
        try:
            job = await self._store.claim_one(ref.tenant, ref.id)
        except Exception as error:
            logger.warning("job_claim_failed", job_id=str(ref.id), reason=str(error) or type(error).__name__)
            await self._queue.retry_later(message.body, _traceparent(message))
        else:
            if job is not None and not await self._finished(replace(job, traceparent=_traceparent(message) or job.traceparent)):
                return
        await message.ack()

    async def _finished(self, job: ClaimedJob) -> bool:
        """Run the job.

        Returns False if the end of the worker cancelled it: its message is then released. A lost job has another message.
        """
        task = self._executor.submit(job)
        await asyncio.wait([task])
        return not (task.cancelled() and self._consumer.ending)


def _traceparent(message: AbstractIncomingMessage) -> str:
    """The span that sent the message, as `RequestContext.propagated`, or an empty text."""
    sent = TraceContext.received(*(message.headers.get(name) for name in TraceContext._fields))
    return str(sent) if sent.traceparent else ""


class RabbitMqJobBackend(Probe):
    """Implements `JobBackend`: dispatches jobs to RabbitMQ and runs those that it receives.

    Publishing and consuming have separate connections: a broker that is short of memory blocks publishing connections.
    """

    def __init__(self, url: str, service: str, policy: Policy, pool: ConnectionPool, concurrency: int) -> None:
        self._url, self._service, self._policy, self._pool, self._concurrency = url, service, policy, pool, concurrency

    def tasks(self, store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterator[PeriodicTask]:
        """Return a dispatcher and a consumer."""
        publishing, consuming = (RabbitMqConnection(self._url, self._service) for _ in range(2))
        queue = RabbitMqJobQueue(publishing, self._service, self._policy)
        dispatcher = JobDispatcher(self._pool, queue)
        yield PeriodicTask(
            name="dispatch jobs to RabbitMQ", group="jobs", interval=poll, run=dispatcher.run, channel=CHANNEL, end=queue.close
        )
        received = RabbitMqJobQueue(consuming, self._service, self._policy)
        worker = RabbitMqJobWorker(consuming, received, store, executor, self._concurrency)
        yield PeriodicTask(name="run jobs", group="jobs", interval=poll, run=worker.run, end=worker.end)

    async def check(self) -> str:
        """Connect to the broker. Raises `Unavailable`."""
        return await check(self._url)
