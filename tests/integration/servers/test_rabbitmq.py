"""What we rely on in RabbitMQ, shown on the broker of `make services`."""

import asyncio
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import PublishError

from tests.services import Killable


async def test_a_confirmed_message_is_in_the_queue(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection, await connection.channel(on_return_raises=True) as channel:
        queue = await quorum_queue(channel, f"test-{uuid4()}")
        await publish(channel, queue.name)
        assert await received(queue) == b"do it"
        await delete(queue)


async def test_what_no_queue_takes_is_returned(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection, await connection.channel(on_return_raises=True) as channel:
        with pytest.raises(PublishError):
            await publish(channel, f"nobody-{uuid4()}")


@pytest.mark.slow
async def test_a_confirmed_message_outlives_a_kill(killable_rabbitmq: Killable) -> None:
    name = f"test-{uuid4()}"
    async with await aio_pika.connect(killable_rabbitmq.url) as connection, await connection.channel() as channel:
        await quorum_queue(channel, name)
    # RabbitMQ 3.10 writes down only some seconds later that a quorum queue exists: killed before, it forgets what it has confirmed there,
    # and the queue never answers again. A proper end writes it at once.
    killable_rabbitmq.stop()
    killable_rabbitmq.start()
    async with await aio_pika.connect(killable_rabbitmq.url) as connection, await connection.channel(on_return_raises=True) as channel:
        await publish(channel, name)
        killable_rabbitmq.kill()
    await asyncio.to_thread(killable_rabbitmq.start)
    async with await aio_pika.connect(killable_rabbitmq.url) as connection, await connection.channel() as channel:
        queue = await quorum_queue(channel, name)
        assert await received(queue) == b"do it"
        await delete(queue)


async def quorum_queue(channel: AbstractChannel, name: str) -> AbstractQueue:
    return await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 3})


async def publish(channel: AbstractChannel, queue: str) -> None:
    """Returns when the broker has confirmed it."""
    message = aio_pika.Message(b"do it", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, queue, mandatory=True)


async def delete(queue: AbstractQueue) -> None:
    await queue.delete(if_unused=False, if_empty=False)  # quorum queues know neither condition


async def received(queue: AbstractQueue) -> bytes:
    """The first message, acknowledged."""
    async with asyncio.timeout(60), queue.iterator() as messages:
        async for message in messages:
            await message.ack()
            return message.body
    raise AssertionError("the queue was closed")
