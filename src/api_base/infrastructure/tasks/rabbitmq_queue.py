"""The queues of RabbitMQ that carry references of ready jobs to workers.

No job is lost or run twice, even if its message is lost or delivered twice.

- Ready jobs are in a quorum queue: a majority writes each message to disk before it is confirmed [RabbitMQ, "Quorum Queues"].
- A message that is redelivered too often, because it kills its worker, or that is not a reference goes to the dead letters, for operators.
- A message whose job cannot be claimed at present goes to a retry queue, which moves it back after some seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import PublishError

from api_base.core.errors import Unavailable
from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.trace_units import Outgoing, sending
from api_base.infrastructure.rabbitmq.connection import OPERATION_TIMEOUT, RabbitMqConnection, translated
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.tasks.backend import JobRef, JobTransport

DELIVERY_LIMIT: Final = 20
"""Maximum number of redeliveries of a message."""
RETRY_DELAY: Final = 5.0
"""Seconds that a message stays in the retry queue."""
DEAD_LETTER_SECONDS: Final = 7 * 24 * 3600.0
"""Seconds that a dead letter is kept."""
MAX_DEAD_MESSAGES: Final = 10_000
"""Header with the span that sent the message [W3C, "Trace Context: AMQP protocol"]."""
_PERSISTENT: Final[Any] = {"content_type": "application/json", "delivery_mode": DeliveryMode.PERSISTENT}


class RabbitMqJobQueue(JobTransport):
    """`service` names the application: only its workers consume its jobs. Calls of the broker go through `policy`.

    `retry_delay` is in seconds; all processes of an application use the same value, because the broker refuses to declare a queue with
    different ones.
    """

    def __init__(
        self,
        connection: RabbitMqConnection,
        service: str,
        policy: Policy,
        *,
        delivery_limit: int = DELIVERY_LIMIT,
        retry_delay: float = RETRY_DELAY,
    ) -> None:
        self._connection, self._policy, self._delivery_limit, self._retry_delay = connection, policy, delivery_limit, retry_delay
        self.name = f"jobs.{service}"
        self.retry_name, self.dead_name = f"{self.name}.retry", f"{self.name}.dead"
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def declare(self, channel: AbstractChannel) -> AbstractQueue:
        """Declare the three queues; return the one that workers consume."""
        dead: dict[str, Any] = {"x-message-ttl": int(DEAD_LETTER_SECONDS * 1000), "x-max-length": MAX_DEAD_MESSAGES}
        await channel.declare_queue(self.dead_name, durable=True, arguments=dead, timeout=OPERATION_TIMEOUT)
        retry: dict[str, Any] = {
            "x-message-ttl": int(self._retry_delay * 1000),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.name,
        }
        await channel.declare_queue(self.retry_name, durable=True, arguments=retry, timeout=OPERATION_TIMEOUT)
        ready: dict[str, Any] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": self._delivery_limit,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead_name,
        }
        return await channel.declare_queue(self.name, durable=True, arguments=ready, timeout=OPERATION_TIMEOUT)

    async def publish(self, jobs: Sequence[JobRef]) -> list[JobRef]:
        async def publish_all(channel: AbstractChannel) -> list[JobRef]:
            messages = [Outgoing(destination=self.name, id=str(job.id), traceparent=job.traceparent) for job in jobs]
            with sending("rabbitmq", messages) as traceparents:
                published = (
                    _publish(channel, self.name, job.encoded(), traceparent) for job, traceparent in zip(jobs, traceparents, strict=True)
                )
                confirmed = await asyncio.gather(*published, return_exceptions=True)
            lost = [(job, error) for job, error in zip(jobs, confirmed, strict=True) if error is not None]
            if len(lost) == len(jobs):
                raise lost[0][1]
            return [job for job, _ in lost]

        return await self._with_channel(publish_all) if jobs else []

    async def retry_later(self, body: bytes, traceparent: str) -> None:
        """Send a message to the retry queue, which delivers it again after the retry delay. Raises `Unavailable`."""
        await self._with_channel(lambda channel: _publish(channel, self.retry_name, body, traceparent))

    async def depth(self) -> int:
        async def ask(channel: AbstractChannel) -> int:
            queue = await channel.declare_queue(self.name, passive=True)
            return queue.declaration_result.message_count or 0

        return await self._with_channel(ask)

    async def close(self) -> None:
        """Close its connection."""
        await self._connection.close()

    async def _with_channel[T](self, use: Callable[[AbstractChannel], Awaitable[T]]) -> T:
        async def attempt() -> T:
            with translated("dispatching jobs"):
                channel = await self._opened()
                try:
                    return await use(channel)
                except PublishError as error:
                    self._channel = None  # a queue was deleted: the next channel declares it again
                    raise Unavailable(f"RabbitMQ has no queue for {self.name}; the next attempt declares it.") from error

        return await self._policy.execute(attempt)

    async def _opened(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                channel = await self._connection.channel()
                await self.declare(channel)
                self._channel = channel
            return self._channel


async def _publish(channel: AbstractChannel, queue: str, body: bytes, traceparent: str) -> None:
    """Publish the message and wait for the confirm of the broker. Raises `PublishError` if the queue does not exist."""
    headers: dict[str, Any] = dict(TraceContext.parse(traceparent).headers())
    await channel.default_exchange.publish(Message(body, headers=headers or None, **_PERSISTENT), queue, mandatory=True)
