"""From a request to the topic, with the processes as they are started: `serve` writes, `worker` publishes and runs the stream."""

import asyncio
import json
import signal

import pytest

from api_base.application.common.events.cloud_event import decoded
from api_base.infrastructure.kafka.connection import KafkaConnection
from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, run, serving, until, working
from tests.kafka import committed, namespace


@pytest.mark.slow
def test_a_change_of_price_comes_out_as_event_and_in_the_stream(project: Project, kafka_url: str) -> None:
    connection = namespace(kafka_url)
    variables = {"EVENTS__URL": kafka_url, "EVENTS__PREFIX": connection.prefix}
    with serving(project.home, "--no-worker", **variables) as backend:
        item = change_price(backend.ready(), project.log_in(backend))
        with working(project.home, **variables) as worker:
            (record,) = until(lambda: read(connection, "items.price-changes"), "a record of the stream")
            assert worker.end(signal.SIGTERM) == 0, worker.output
        assert {"before": {"minor": 1250, "currency": "EUR"}, "after": {"minor": 1300, "currency": "EUR"}}.items() <= record.items()
        assert (record["item_id"], record["category"]) == (item, "furniture")
        events = [decoded(one.value or b"") for one in asyncio.run(committed(connection, "items"))]
        mine = [(event.name, event.aggregate_version) for event in events if str(event.aggregate_id) == item]
        assert mine == [("items.created.v1", 1), ("items.changed.v1", 2), ("items.price_changed.v2", 2), ("items.price_changed.v1", 2)]
        done = run(project.home, "doctor", **variables)
        assert (done.returncode, f"Kafka at {connection.brokers} answers" in done.stdout) == (0, True), done
        done = run(project.home, "events", "dead", **variables)
        assert (done.returncode, done.stdout) == (0, ""), done


def change_price(backend: Backend, token: str) -> str:
    """Create an item, raise its price, and return its id."""
    price = {"amount": "12.50", "currency": "EUR"}
    body = {"sku": "BY-KAFKA", "name": "Chair", "category": "furniture", "price": price}
    status, created = backend.request("POST", "/api/v1/items", body, token)
    assert status == 201, created
    path, change = f"/api/v1/items/{created['id']}", {"price": {**price, "amount": "13.00"}}
    status, changed = backend.request("PATCH", path, change, token, if_match="*")
    assert status == 200, changed
    id: str = created["id"]
    return id


def read(connection: KafkaConnection, topic: str) -> list[dict[str, object]]:
    return [json.loads(record.value or b"") for record in asyncio.run(committed(connection, topic))]
