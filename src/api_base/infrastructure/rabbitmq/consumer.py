"""Takes messages from a queue, so many at once, and gives back at the end what was not begun.

Each is handled in a task of its own that a lost connection does not end: half an effect is worse than one told twice. Who handles it
acknowledges it; what was not acknowledged comes again, to somebody.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.rabbitmq.connection import FAILURES, PATIENCE, RabbitMqConnection, translated

logger = get_logger(__name__)

DRAIN: Final = 30.0
"""Seconds that what is under way has when the consumer ends."""


class RabbitMqConsumer:
    """`declare` makes the queue on a channel; `at_once` messages are handled at the same time, and no more are held here."""

    def __init__(
        self,
        connection: RabbitMqConnection,
        declare: Callable[[AbstractChannel], Awaitable[AbstractQueue]],
        handle: Callable[[AbstractIncomingMessage], Awaitable[None]],
        at_once: int,
    ) -> None:
        self._connection, self._declare, self._handle, self._at_once = connection, declare, handle, at_once
        self._places = asyncio.Semaphore(at_once)
        self._channel: AbstractChannel | None = None
        self._queue: AbstractQueue | None = None
        self._tag, self._taking = "", False
        self._under_way: set[asyncio.Task[None]] = set()
        self._ending = False

    @property
    def ending(self) -> bool:
        """Whether it takes no more messages, for good."""
        return self._ending

    async def run(self) -> bool:
        """See to it that messages are taken: the worker calls it again and again. Raises `Unavailable`."""
        if not self._taking or self._channel is None or self._channel.is_closed:
            await self._take()
        return False

    async def stop(self) -> None:
        """Take no more."""
        if not self._ending and self._channel is not None and self._queue is not None and not self._channel.is_closed:
            with contextlib.suppress(*FAILURES):
                await self._queue.cancel(self._tag, timeout=PATIENCE)
        self._ending = True  # what came meanwhile has begun

    async def close(self) -> None:
        """Take no more, finish what was begun, and leave the rest to others."""
        await self.stop()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=DRAIN)
        if self._channel is not None:
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(PATIENCE):
                    await self._channel.close()

    async def _take(self) -> None:
        with translated("taking messages"):
            if self._channel is not None and not self._channel.is_closed:
                await self._channel.close()
            channel = self._channel = await self._connection.channel()
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(self._cancelled)
            await channel.set_qos(prefetch_count=self._at_once, timeout=PATIENCE)
            self._queue = await self._declare(channel)
            self._tag = await self._queue.consume(self._received, timeout=PATIENCE)
        self._taking = True
        logger.info("consumer_takes_messages", queue=self._queue.name)

    def _cancelled(self, frame: object) -> None:
        """A broker whose queue is deleted ends the consumer, and leaves the channel open."""
        self._taking = False

    async def _received(self, message: AbstractIncomingMessage) -> None:
        task = asyncio.create_task(self._in_its_place(message))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _in_its_place(self, message: AbstractIncomingMessage) -> None:
        async with self._places:
            if self._ending:
                return
            try:
                await self._handle(message)
            except FAILURES as error:
                logger.warning("message_not_settled", reason=str(error) or type(error).__name__)
            except Exception:
                logger.exception("message_failed")
                with contextlib.suppress(*FAILURES):
                    await message.nack(requeue=True)
