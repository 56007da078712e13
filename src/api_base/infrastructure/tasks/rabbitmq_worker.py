"""`JOBS__URL=amqp://…`: workers are told of ready jobs by RabbitMQ, and take each from the table by its key.

A message is acknowledged when what became of the job is committed. Before that it comes again, to somebody, who finds that the job is
another's, or done.
"""

import asyncio

from aio_pika.abc import AbstractIncomingMessage

from api_base.core.protocols import ClaimedJob
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection
from api_base.infrastructure.rabbitmq.consumer import RabbitMqConsumer
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.rabbitmq_queue import JobRef, RabbitMqJobQueue
from api_base.infrastructure.tasks.store import SqlJobStore

logger = get_logger(__name__)


class RabbitMqJobWorker:
    """`places` is how many jobs `executor` hold at once. `queue` is on `connection`, which ends with the worker."""

    def __init__(
        self, connection: RabbitMqConnection, queue: RabbitMqJobQueue, store: SqlJobStore, executor: JobExecutor, places: int
    ) -> None:
        self._queue, self._store, self._executor = queue, store, executor
        self._consumer = RabbitMqConsumer(connection, queue.declare, self._received, places)
        self.run = self._consumer.run

    async def end(self) -> None:
        """Take no more; finish what is in hand, or give it back with its message."""
        await self._consumer.stop()
        try:
            await self._executor.end()
        finally:
            await self._consumer.close()
            await self._queue.close()

    async def _received(self, message: AbstractIncomingMessage) -> None:
        try:
            named = JobRef.decoded(message.body)
        except ValueError as error:
            logger.warning("message_names_no_job", reason=str(error))
            await message.reject(requeue=False)  # to the dead letters
            return
        try:
            job = await self._store.claim_one(named.tenant, named.id)
        except Exception as error:
            logger.warning("job_put_off", job_id=str(named.id), reason=str(error) or type(error).__name__)
            await self._queue.put_off(message.body)
        else:
            if job is not None and not await self._carried_out(job):
                return
        await message.ack()

    async def _carried_out(self, job: ClaimedJob) -> bool:
        """False where it was broken off at the worker's end: its message goes back, with the job. One that was lost has another message."""
        task = self._executor.take(job)
        await asyncio.wait([task])
        return not (task.cancelled() and self._consumer.ending)
