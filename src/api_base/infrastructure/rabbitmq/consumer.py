"""Consumes a queue with limited concurrency, and releases the messages that were not begun when it ends.

Each message has a task of its own, which a lost connection does not cancel: a second delivery is better than half an effect. The handler
acknowledges its message; the broker delivers an unacknowledged one again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.rabbitmq.connection import FAILURES, OPERATION_TIMEOUT, RabbitMqConnection, translated

logger = get_logger(__name__)

DRAIN_TIMEOUT: Final = 30.0
"""Seconds that running handlers have when the consumer ends."""


class RabbitMqConsumer:
    """`declare` declares the queue on a channel. Up to `concurrency` messages are handled at the same time; no others are prefetched."""

    def __init__(
        self,
        connection: RabbitMqConnection,
        declare: Callable[[AbstractChannel], Awaitable[AbstractQueue]],
        handle: Callable[[AbstractIncomingMessage], Awaitable[None]],
        concurrency: int,
    ) -> None:
        self._connection, self._declare, self._handle, self._concurrency = connection, declare, handle, concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._channel: AbstractChannel | None = None
        self._queue: AbstractQueue | None = None
        self._tag, self._consuming = "", False
        self._running: set[asyncio.Task[None]] = set()
        self._ending = False

    @property
    def ending(self) -> bool:
        """Return whether the consumer has stopped permanently."""
        return self._ending

    async def run(self) -> bool:
        """Start consuming if it is not running; the worker calls this periodically. Raises `Unavailable`."""
        if not self._consuming or self._channel is None or self._channel.is_closed:
            await self._start()
        return False

    async def stop(self) -> None:
        """Stop receiving messages."""
        if not self._ending and self._channel is not None and self._queue is not None and not self._channel.is_closed:
            with contextlib.suppress(*FAILURES):
                await self._queue.cancel(self._tag, timeout=OPERATION_TIMEOUT)
        self._ending = True  # messages that arrived meanwhile have begun

    async def close(self) -> None:
        """Stop, finish the running handlers, and release all other messages."""
        await self.stop()
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_TIMEOUT)
        if self._channel is not None:
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(OPERATION_TIMEOUT):
                    await self._channel.close()

    async def _start(self) -> None:
        with translated("starting a consumer"):
            if self._channel is not None and not self._channel.is_closed:
                await self._channel.close()
            channel = self._channel = await self._connection.channel()
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(self._cancelled)
            await channel.set_qos(prefetch_count=self._concurrency, timeout=OPERATION_TIMEOUT)
            self._queue = await self._declare(channel)
            self._tag = await self._queue.consume(self._received, timeout=OPERATION_TIMEOUT)
        self._consuming = True
        logger.info("consumer_started", queue=self._queue.name)

    def _cancelled(self, frame: object) -> None:
        """The broker cancels the consumer when the queue is deleted, and leaves the channel open."""
        self._consuming = False

    async def _received(self, message: AbstractIncomingMessage) -> None:
        task = asyncio.create_task(self._handle_in_slot(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _handle_in_slot(self, message: AbstractIncomingMessage) -> None:
        async with self._slots:
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
