"""What we rely on in Kafka, shown on the broker of `make services`."""

import asyncio
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from tests.services import Killable


async def test_what_is_acknowledged_is_consumed_in_order_of_its_key(kafka_url: str) -> None:
    topic = await produce(brokers(kafka_url))
    assert await consume(topic, brokers(kafka_url)) == MESSAGES


async def test_a_known_user_gets_in_by_scram(kafka_scram_url: str) -> None:
    topic = await produce(credentials(kafka_scram_url))
    assert await consume(topic, credentials(kafka_scram_url)) == MESSAGES


async def test_a_wrong_password_is_refused(kafka_scram_url: str, caplog: pytest.LogCaptureFixture) -> None:
    producer = AIOKafkaProducer(**{**credentials(kafka_scram_url), "sasl_plain_password": "wrong"})
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    assert "SaslAuthenticationFailed" in caplog.text  # aiokafka raises the same for a broker that is not there, and logs the reason


@pytest.mark.slow
async def test_what_is_acknowledged_outlives_a_kill(killable_kafka: Killable) -> None:
    topic = await produce(brokers(killable_kafka.url))
    killable_kafka.kill()
    await asyncio.to_thread(killable_kafka.start)
    assert await consume(topic, brokers(killable_kafka.url)) == MESSAGES


MESSAGES = [f"message {number}".encode() for number in range(5)]


def brokers(url: str) -> dict[str, str]:
    return {"bootstrap_servers": urlsplit(url).netloc.rpartition("@")[2]}


def credentials(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    assert parts.username
    assert parts.password
    return {
        **brokers(url),
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": parts.username,
        "sasl_plain_password": parts.password,
    }


async def produce(options: dict[str, str]) -> str:
    """A new topic with all messages under one key, each acknowledged."""
    topic = f"test-{uuid4()}"
    async with AIOKafkaProducer(**options, acks="all", enable_idempotence=True) as producer:
        for message in MESSAGES:
            await producer.send_and_wait(topic, message, key=b"one")
    return topic


async def consume(topic: str, options: dict[str, str]) -> list[bytes]:
    async with (
        AIOKafkaConsumer(topic, **options, group_id=f"test-{uuid4()}", auto_offset_reset="earliest") as consumer,
        asyncio.timeout(60),
    ):
        return [(await consumer.getone()).value for _ in MESSAGES]
