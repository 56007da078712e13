"""The pools of the roles: no task of a worker waits for a connection that another one holds."""

import pytest

from api_base.core.config import Settings
from api_base.domain.common.events import DurableSubscription, Subscribers
from api_base.infrastructure.db import factory

URLS = {"url": "postgresql://app@h/d", "owner_url": "postgresql://owner@h/d", "worker_url": "postgresql://worker@h/d"}


def settings(**database: object) -> Settings:
    return Settings(_env_file=None, database=URLS | database)


async def handle(payload: object) -> None:
    """What a consumer does has no influence."""


def test_the_servers_pool_has_the_size_of_the_settings() -> None:
    assert factory.database(settings(pool_size=7)).figures().size == 7


@pytest.mark.parametrize(("consumers", "size"), [(0, 10), (3, 10), (4, 11), (20, 27)])
def test_the_workers_pool_has_a_connection_for_each_consumer_and_seven_more(consumers: int, size: int) -> None:
    subscribers = Subscribers()
    subscribers.add(
        DurableSubscription(name=f"test.consumer_{number}", event="items.created.v1", payload=object, handle=handle)
        for number in range(consumers)
    )
    assert factory.worker_database(settings(pool_size=10), subscribers).figures().size == size
