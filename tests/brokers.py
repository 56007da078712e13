"""Kafka and RabbitMQ of `make services` together, carrying events and jobs, to be killed. Nobody else has them meanwhile."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from api_base.infrastructure.kafka.connection import KafkaConnection
from tests import kafka, rabbitmq
from tests.services import Killable, killable

NAMES: Final = ("Kafka", "RabbitMQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """`namespace` is where this run's topics are, `service` the name that its queues have."""

    kafka: Killable
    rabbitmq: Killable
    namespace: KafkaConnection
    service: str

    def __getitem__(self, name: str) -> Killable:
        """The one of `NAMES`."""
        return self.all[NAMES.index(name)]

    @property
    def all(self) -> Sequence[Killable]:
        return self.kafka, self.rabbitmq

    @property
    def variables(self) -> dict[str, str]:
        """By which the application has both carry."""
        return {
            "EVENTS__URL": self.kafka.url,
            "EVENTS__PREFIX": self.namespace.prefix,
            "JOBS__URL": self.rabbitmq.url,
            "APP_NAME": self.service,
        }


@contextmanager
def brokers() -> Iterator[Brokers]:
    """Both, with topics and queues that go with the block."""
    with killable("kafka", "TEST_KAFKA_URL") as first, killable("rabbitmq", "TEST_RABBITMQ_URL") as second:
        made = Brokers(kafka=first, rabbitmq=second, namespace=kafka.namespace(first.url), service=rabbitmq.new_name())
        try:
            yield made
        finally:
            for one in made.all:
                one.start()
            asyncio.run(_clear(made))


async def _clear(made: Brokers) -> None:
    await kafka.clear(made.namespace)
    await rabbitmq.clear(made.rabbitmq.url, made.service)
