"""The publisher on the real broker: one that is away costs nothing but time, and what is too large stops nobody else."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from api_base.application.common.events.cloud_event import decoded
from api_base.core.errors import EventRefused, Unavailable
from api_base.core.protocols import StoredEvent
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.relay import RELAY, Relay
from api_base.infrastructure.kafka.connection import REQUEST_TIMEOUT, KafkaConnection
from api_base.infrastructure.kafka.producer import MAX_IN_FLIGHT, MAX_MESSAGE_BYTES, KafkaEventPublisher
from tests.factories.events import stored_event
from tests.integration.event_harness import JOURNAL, house
from tests.kafka import committed, namespace, policy
from tests.services import Killable

pytestmark = pytest.mark.slow  # a broker of its own starts, and is killed


async def ids(connection: KafkaConnection) -> list[UUID]:
    return [decoded(record.value or b"").id for record in await committed(connection, "items")]


async def test_an_event_goes_to_its_contexts_topic_by_its_aggregate(kafka_url: str) -> None:
    connection = namespace(kafka_url)
    publisher = KafkaEventPublisher(connection, policy(), "test")
    event = stored_event(name="items.created.v1")
    await publisher.publish([event, stored_event(name="users.registered.v1")])
    await publisher.close()
    (record,) = await committed(connection, "items")
    assert record.key == str(event.aggregate_id).encode()
    assert dict(record.headers)["content-type"] == b"application/cloudevents+json"
    assert decoded(record.value or b"") == event


async def test_each_version_of_an_event_is_a_record_of_its_own(kafka_url: str) -> None:
    """All of them have one id. A batch of the relay in three versions is no more than the relay may have in flight."""
    connection = namespace(kafka_url)
    publisher = KafkaEventPublisher(connection, policy(), "test")
    events = [stored_event() for _ in range(500)]
    await publisher.publish([replace(event, name=f"items.created.v{number}") for event in events for number in (3, 2, 1)])
    await publisher.close()
    found = [decoded(record.value or b"") for record in await committed(connection, "items")]
    assert len(found) == 1500
    assert [one.name for one in found if one.id == events[7].id] == ["items.created.v3", "items.created.v2", "items.created.v1"]


async def test_a_known_user_publishes_by_scram(kafka_scram_url: str) -> None:
    connection = namespace(kafka_scram_url)
    publisher = KafkaEventPublisher(connection, policy(), "test")
    await publisher.publish([event := stored_event()])
    await publisher.close()
    assert await ids(connection) == [event.id]


async def test_a_wrong_password_is_told_as_such_and_does_not_show(kafka_scram_url: str) -> None:
    connection = replace(namespace(kafka_scram_url), password="n0t-for-anybodys-eyes")
    publisher = KafkaEventPublisher(connection, policy(), "test")
    with pytest.raises(Unavailable, match=r"refuses user or password of EVENTS__URL\. \(.*, user 'tests'\)") as refused:
        await publisher.publish([stored_event()])
    assert "n0t-for-anybodys-eyes" not in f"{refused.value} {connection}"


async def test_a_broker_that_is_not_there_is_unavailable() -> None:
    publisher = KafkaEventPublisher(KafkaConnection(brokers="127.0.0.1:1"), policy(), "test")
    with pytest.raises(Unavailable, match="127.0.0.1:1"):
        await publisher.publish([stored_event()])


async def test_what_is_too_large_stops_its_aggregate_alone(migrated: Urls, kafka_url: str) -> None:
    tenant, connection = uuid4(), namespace(kafka_url)
    async with house(migrated) as made:
        large, other = await made.create(tenant), await made.create(tenant)
        await made.rename(tenant, large, "again")
        blown_up = "update outbox set payload = jsonb_build_object('x', repeat('x', $2)) where aggregate_id = $1 and aggregate_version = 1"
        await made.query(blown_up, large, MAX_MESSAGE_BYTES)
        publisher = KafkaEventPublisher(connection, policy(), "test")
        relay = Relay(made.worker.pool, publisher, JOURNAL, made.versions)
        await relay.run()
        await relay.run()
        await publisher.close()
        told = [decoded(record.value or b"").aggregate_id for record in await committed(connection, "items")]
        assert told == [other]
        (dead,) = await made.query("select subscription, dead, aggregate_id, error from deliveries")
        assert (dead["subscription"], dead["dead"], dead["aggregate_id"]) == (RELAY, True, large)
        assert f"the limit is {MAX_MESSAGE_BYTES}" in dead["error"]


async def test_what_the_broker_alone_finds_too_large_is_refused_too(kafka_url: str) -> None:
    """Its limit can be lower than ours: the batch says so after it was sent."""
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    connection = namespace(kafka_url)
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    await admin.create_topics([NewTopic(connection.qualified("items"), 1, 1, topic_configs={"max.message.bytes": "2000"})])
    await admin.close()
    publisher = KafkaEventPublisher(connection, policy(), "test")
    large, small = stored_event(payload=b'"%s"' % (b"x" * 5000)), stored_event()
    with pytest.raises(EventRefused, match=str(large.id)):
        await publisher.publish([large])
    await publisher.publish([small])
    await publisher.close()
    assert await ids(connection) == [small.id]


@pytest.mark.parametrize("timeout", [1.0, 3 * REQUEST_TIMEOUT])
async def test_while_the_broker_is_away_nothing_is_sent_twice_or_without_bound_and_then_all_in_order(
    killable_kafka: Killable, timeout: float
) -> None:
    """Whether we or the driver end the wait."""
    connection = namespace(killable_kafka.url)
    publisher = KafkaEventPublisher(connection, policy(timeout), "test")
    aggregates = [uuid4() for _ in range(10)]
    told = [stored_event(aggregate_id=aggregates[n % 10], aggregate_version=n // 10 + 1) for n in range(600)]
    await _until_taken(publisher, told[:100])
    await asyncio.to_thread(killable_kafka.kill)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await publisher.publish(told[100:])
    with pytest.raises(Unavailable, match="no more are sent"):
        await publisher.publish([stored_event() for _ in range(MAX_IN_FLIGHT)])
    await asyncio.to_thread(killable_kafka.start)
    await _until_taken(publisher, told[100:])
    await publisher.close()
    events = [decoded(record.value or b"") for record in await committed(connection, "items")]
    for aggregate in aggregates:
        assert [event.aggregate_version for event in events if event.aggregate_id == aggregate] == list(range(1, 61))


async def _until_taken(publisher: KafkaEventPublisher, events: Sequence[StoredEvent]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await publisher.publish(events)
            except Unavailable:
                await asyncio.sleep(0.1)
