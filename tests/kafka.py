"""What tests of Kafka share: a namespace of the broker of their own, and what anybody who trusts it would read there."""

import asyncio
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient

from api_base.infrastructure.kafka.connection import KafkaConnection, connection_at
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig

PATIENCE = 90.0
POLL_TIMEOUT = 0.05
"""Seconds that a poll of the tests waits: the default is 0.5."""


def namespace(url: str) -> KafkaConnection:
    """Names that no other test uses, at the broker that `url` describes."""
    return connection_at(url, f"test-{uuid4()}")


async def clear(connection: KafkaConnection) -> None:
    """Remove all topics of the namespace."""
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    try:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(connection.prefix)])
    finally:
        await admin.close()


def policy(timeout: float = 10.0) -> Policy:
    return Policy("kafka", PolicyConfig(timeout=timeout))


async def committed(connection: KafkaConnection, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """All that is in the topic now and was not taken back, in the order of each partition."""
    found: list[Any] = []
    async with (
        asyncio.timeout(PATIENCE),
        AIOKafkaConsumer(
            connection.qualified(topic), **connection.options(), isolation_level="read_committed", auto_offset_reset="earliest"
        ) as consumer,
    ):
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += records
    return found
