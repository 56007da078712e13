"""One trace from each protocol through outbox, broker and job to its last statement, as an OTLP receiver finds it."""

import asyncio
import json
import signal
from collections.abc import Callable, Mapping
from uuid import uuid4

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, serving, until, working
from tests.e2e.trace_doors import DOORS, PARENT, STATE, graphql_socket, headers, message, new_trace, received
from tests.kafka import namespace
from tests.otlp import Receiver, Trace, receiving, values

MARKER = "Marker-57"
"""A value of the request, which no span may have."""
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
JOB = "items.import"
INDEXED = "INSERT search_documents"


def imported(project: Project, receiver: Receiver, brokers: dict[str, str]) -> Mapping[str, Trace]:
    """The traces of imports by protocol: each is a job, which creates an item, whose event a subscriber indexes."""
    variables = {"OBSERVABILITY__OTLP_ENDPOINT": receiver.url, **SOON, **UNLIMITED, **brokers}
    traces = {name: new_trace() for name in (*DOORS, "WebSocket")}
    with serving(project.home, "--no-worker", **variables) as backend:
        token = in_tenant(backend.ready(), project.log_in(backend))
        with working(project.home, **variables) as worker:
            events = asyncio.run(followed(backend, token, lambda: start_all(backend, token, traces), len(DOORS)))
            assert events.keys() >= {"items.created.v1"}
            asyncio.run(subscribed(backend, token, traces["WebSocket"]))
            until(lambda: all(ended(receiver.trace(traces[name])) for name in DOORS), "the last statement of each trace")
            assert worker.end(signal.SIGTERM) == 0, worker.output
        assert backend.end(signal.SIGTERM) == 0, backend.output
    return {name: receiver.trace(id) for name, id in traces.items()}


def ended(trace: Trace) -> bool:
    return any(INDEXED in one for one in trace.names())


def start_all(backend: Backend, token: str, traces: Mapping[str, str]) -> None:
    for name, door in DOORS.items():
        sku = f"{MARKER}-{uuid4().hex[:8]}"  # new in each test: the import of an item that exists is no event
        file = backend.upload(f"sku,name,category\n{sku},{MARKER},{MARKER}\n".encode(), token)
        door.enter(backend, token, file, traces[name])


async def followed(backend: Backend, token: str, act: Callable[[], None], created: int) -> dict[str, int]:
    """How many events of each name a subscription receives, until `created` items are."""
    found: dict[str, int] = {}
    async with graphql_socket(backend, token, {}) as client:
        await client.send(message("subscribe", id="1", payload={"query": 'subscription { events(channel: "tenant") { event { name } } }'}))
        assert (await received(client))["payload"]["data"]["events"]["event"] is None
        await asyncio.to_thread(act)
        while found.get("items.created.v1", 0) < created:
            name = (await received(client))["payload"]["data"]["events"]["event"]["name"]
            found[name] = found.get(name, 0) + 1
    return found


async def subscribed(backend: Backend, token: str, trace: str) -> None:
    """Subscribe over `/ws`, to a channel whose permission a query decides."""
    status, made = backend.request("GET", "/api/v1/items?limit=1", token=token)
    assert status == 200, made
    sent = {**headers(trace), "Authorization": f"Bearer {token}"}
    async with connect(f"ws://127.0.0.1:{backend.port}/ws", subprotocols=[Subprotocol("api-base.v1")], additional_headers=sent) as client:
        assert (await received(client))["type"] == "authenticated"
        await client.send(json.dumps({"type": "subscribe", "channel": f"items/{made['items'][0]['id']}"}))
        assert (await received(client))["type"] == "subscribed"


def check(traces: Mapping[str, Trace], project: Project, receiver: Receiver) -> None:
    """What holds with every transport: one root, the kinds and names of the conventions, and no value of the request."""
    for name, door in DOORS.items():
        trace = traces[name]
        assert trace.roots() == [door.root], name
        root = trace.named(door.root)
        assert (root.parent_span_id.hex(), root.kind) == (PARENT, Span.SPAN_KIND_SERVER)
        assert {one.trace_state for one in trace.spans} == {STATE}  # also behind the outbox, the job and the brokers
        check_statements(trace, door.root)
        (executed,) = (one for one in trace.spans if one.name == "subscription")
        assert (len(executed.links), f"process {JOB}" in trace.way_to(executed)) == (1, True)  # the subscriber's, in the writer's trace
    check_operations(traces)
    assert MARKER not in receiver.text()
    assert project.email not in receiver.text()


def check_statements(trace: Trace, root: str) -> None:
    statements = [one for one in trace.spans if "db.system.name" in values(one.attributes)]
    for one in statements:
        attributes = values(one.attributes)
        assert (one.name, one.kind) == (attributes["db.query.summary"], Span.SPAN_KIND_CLIENT)
        assert attributes["db.system.name"] == "postgresql"
        assert one.name.startswith(str(attributes["db.operation.name"]))
        assert "db.query.text" not in attributes
    assert trace.way_to(trace.named(f"send {JOB}"))[0] == root
    stored = [trace.way_to(one) for one in statements if "INSERT outbox" in one.name]
    assert all(f"process {JOB}" in way for way in stored)
    indexed = next(trace.way_to(one) for one in statements if INDEXED in one.name)
    assert indexed[0] == root
    assert f"process {JOB}" in indexed  # the job caused the event, whose subscriber sent the last statement


def check_operations(traces: Mapping[str, Trace]) -> None:
    """The spans of the protocols themselves."""
    request = traces["HTTP"].named(DOORS["HTTP"].root)
    assert values(request.attributes).items() >= {"http.request.method": "POST", "http.response.status_code": 202}.items()
    for name in ("GraphQL", "GraphQL over WebSocket"):
        mutation = traces[name].named("mutation")
        assert mutation.kind == Span.SPAN_KIND_SERVER
        expected = {"graphql.operation.type": "mutation", "graphql.operation.name": "Import"}
        assert values(mutation.attributes).items() >= expected.items()
        assert traces[name].way_to(mutation) == [DOORS[name].root, "mutation"]
        assert len(mutation.links) == (name != "GraphQL")  # to the handshake
    called = traces["MCP"].named("tools/call start_item_import")
    expected = {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2025-11-25",
        "jsonrpc.request.id": "7",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "start_item_import",
    }
    assert values(called.attributes).items() >= expected.items()
    assert [link.trace_id == called.trace_id for link in called.links] == [False]  # the HTTP request, in a trace of its own
    socket = traces["WebSocket"]
    message = socket.named("WebSocket subscribe")
    assert socket.way_to(message) == ["GET /ws", "WebSocket subscribe"]
    assert [link.span_id for link in message.links] == [socket.named("GET /ws").span_id]
    reads = [socket.way_to(one) for one in socket.spans if "SELECT items" in one.name]
    assert reads
    assert all("WebSocket subscribe" in way for way in reads)


def through_the_database(project: Project, receiver: Receiver) -> Mapping[str, Trace]:
    traces = imported(project, receiver, {})
    check(traces, project, receiver)
    for trace in (traces[name] for name in DOORS):
        delivery = trace.named("process outbox")
        assert delivery.kind == Span.SPAN_KIND_CONSUMER
        assert [link.trace_id for link in delivery.links] == [delivery.trace_id]
        expected = {"messaging.system": "postgresql", "messaging.operation.type": "process", "cloudevents.event_type": "items.created.v1"}
        assert values(delivery.attributes).items() >= expected.items()
        assert trace.named(f"send {JOB}").kind == Span.SPAN_KIND_PRODUCER
        assert trace.way_to(trace.named(f"process {JOB}"))[-2:] == [f"send {JOB}", f"process {JOB}"]
    return traces


def through_brokers(project: Project, receiver: Receiver, kafka_url: str, amqp_url: str) -> Mapping[str, Trace]:
    prefix, name = namespace(kafka_url).prefix, f"test-{uuid4()}"
    brokers = {"EVENTS__URL": kafka_url, "EVENTS__PREFIX": prefix, "JOBS__URL": amqp_url, "APP_NAME": name}
    traces = imported(project, receiver, brokers)
    check(traces, project, receiver)
    topic, queue = f"{prefix}.items", f"jobs.{name}"
    for trace in (traces[one] for one in DOORS):
        published, delivered = trace.named(f"send {topic}"), trace.named(f"process {topic}")
        assert trace.way_to(delivered)[-3:] == [f"process {JOB}", f"send {topic}", f"process {topic}"]
        assert values(published.attributes)["messaging.system"] == values(delivered.attributes)["messaging.system"] == "kafka"
        assert (published.kind, delivered.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
        assert trace.way_to(trace.named(f"process {JOB}"))[-3:] == [f"send {JOB}", f"send {queue}", f"process {JOB}"]
        assert values(trace.named(f"send {queue}").attributes)["messaging.system"] == "rabbitmq"
    return traces


@pytest.mark.slow
def test_one_trace_through_the_database(project: Project) -> None:
    with receiving() as receiver:
        through_the_database(project, receiver)


@pytest.mark.slow
def test_one_trace_through_kafka_and_rabbitmq(project: Project, kafka_url: str, amqp_url: str) -> None:
    with receiving() as receiver:
        through_brokers(project, receiver, kafka_url, amqp_url)


def in_tenant(backend: Backend, token: str) -> str:
    """A token for the first tenant."""
    tenant = backend.request("GET", "/api/v1/tenants", token=token)[1]["items"][0]["id"]
    status, switched = backend.request("POST", f"/api/v1/tenants/{tenant}/switch", token=token)
    assert status == 200, switched
    switched_token: str = switched["access_token"]
    return switched_token
