"""The queues by which RabbitMQ carries ready jobs to workers, and how a job's id is put there.

The row in the database is the job; a message only names it. Whatever becomes of messages, no job is lost by it, and none is done twice.

- Ready ones wait in a quorum queue, written to disk by a majority before they are confirmed [RabbitMQ, "Quorum Queues"].
- What comes back to it too often, since it ends whoever takes it, or is no job's name, goes to the dead letters, for somebody to look at.
- What cannot be looked at right now waits in a third queue for some seconds, which then puts it back where it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import PublishError

from api_base.core.errors import Unavailable
from api_base.infrastructure.rabbitmq.connection import PATIENCE, RabbitMqConnection, translated
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.serialization.json_codec import decode_as, encode

DELIVERIES: Final = 20
"""How often a message may come back."""
RETRY_DELAY: Final = 5.0
"""Seconds that one waits which cannot be looked at right now."""
KEPT: Final = 7 * 24 * 3600.0
"""Seconds that a dead letter is kept."""
MAX_DEAD_MESSAGES: Final = 10_000
_PERSISTENT: Final[Any] = {"content_type": "application/json", "delivery_mode": DeliveryMode.PERSISTENT}


@dataclass(frozen=True, slots=True)
class JobRef:
    """Names a job: the key of its row."""

    tenant: UUID
    id: UUID

    def encoded(self) -> bytes:
        return encode(self)

    @classmethod
    def decoded(cls, body: bytes) -> "JobRef":
        """Raises `ValueError` for what names no job."""
        named: JobRef = decode_as(body, cls)
        return named


class RabbitMqJobQueue:
    """`service` names the application, whose workers alone take its jobs. A call of the broker has the bounds of `policy`."""

    def __init__(self, connection: RabbitMqConnection, service: str, policy: Policy, *, deliveries: int = DELIVERIES) -> None:
        self._connection, self._policy, self._deliveries = connection, policy, deliveries
        self.name = f"jobs.{service}"
        self.later_name, self.dead_name = f"{self.name}.later", f"{self.name}.dead"
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def declare(self, channel: AbstractChannel) -> AbstractQueue:
        """Make the three queues where they are not there; the one that workers take from."""
        dead: dict[str, Any] = {"x-message-ttl": int(KEPT * 1000), "x-max-length": MAX_DEAD_MESSAGES}
        await channel.declare_queue(self.dead_name, durable=True, arguments=dead, timeout=PATIENCE)
        back: dict[str, Any] = {
            "x-message-ttl": int(RETRY_DELAY * 1000),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.name,
        }
        await channel.declare_queue(self.later_name, durable=True, arguments=back, timeout=PATIENCE)
        ready: dict[str, Any] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": self._deliveries,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead_name,
        }
        return await channel.declare_queue(self.name, durable=True, arguments=ready, timeout=PATIENCE)

    async def put(self, jobs: Sequence[JobRef]) -> list[JobRef]:
        """Have them carried; those that the broker has not confirmed. Raises `Unavailable` where it cannot be spoken to at all."""

        async def put_all(channel: AbstractChannel) -> list[JobRef]:
            confirmed = await asyncio.gather(*(_publish(channel, self.name, job.encoded()) for job in jobs), return_exceptions=True)
            lost = [(job, error) for job, error in zip(jobs, confirmed, strict=True) if error is not None]
            if len(lost) == len(jobs):
                raise lost[0][1]
            return [job for job, _ in lost]

        return await self._on_channel(put_all) if jobs else []

    async def put_off(self, body: bytes) -> None:
        """Have a message come back in `RETRY_DELAY` seconds. Raises `Unavailable`."""
        await self._on_channel(lambda channel: _publish(channel, self.later_name, body))

    async def depth(self) -> int:
        """How many wait to be taken. Raises `Unavailable`."""

        async def ask(channel: AbstractChannel) -> int:
            queue = await channel.declare_queue(self.name, passive=True)
            return queue.declaration_result.message_count or 0

        return await self._on_channel(ask)

    async def close(self) -> None:
        """End its connection."""
        await self._connection.close()

    async def _on_channel[T](self, use: Callable[[AbstractChannel], Awaitable[T]]) -> T:
        async def attempt() -> T:
            with translated("jobs"):
                channel = await self._opened()
                try:
                    return await use(channel)
                except PublishError as error:
                    self._channel = None  # a queue is gone: the next channel makes it again
                    raise Unavailable(f"RabbitMQ has no queue of {self.name} any more.") from error

        return await self._policy.execute(attempt)

    async def _opened(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                channel = await self._connection.channel()
                await self.declare(channel)
                self._channel = channel
            return self._channel


async def _publish(channel: AbstractChannel, queue: str, body: bytes) -> None:
    """Returns when the broker has written it down, and raises `PublishError` where there is no such queue."""
    await channel.default_exchange.publish(Message(body, **_PERSISTENT), queue, mandatory=True)
