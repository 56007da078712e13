"""One trace from a request through outbox, broker and job to its last statement, as an OTLP receiver finds it."""

import signal
from uuid import uuid4

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, serving, until, working
from tests.kafka import namespace
from tests.otlp import Receiver, Trace, receiving, values

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MARKER = "Marker-57"
"""A value of the request, which no span may have."""
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
REQUEST = "POST /api/v1/items/imports"
JOB = "items.import"
INDEXED = "INSERT search_documents"


def imported(project: Project, receiver: Receiver, brokers: dict[str, str]) -> Trace:
    """The trace of an import: a job, which creates an item, whose event a subscriber indexes."""
    variables = {"OBSERVABILITY__OTLP_ENDPOINT": receiver.url, **SOON, **brokers}
    with serving(project.home, "--no-worker", **variables) as backend:
        token = in_tenant(backend.ready(), project.log_in(backend))
        with working(project.home, **variables) as worker:
            sku = f"{MARKER}-{uuid4().hex[:8]}"  # new in each test: the import of an item that exists is no event
            file = backend.upload(f"sku,name,category\n{sku},{MARKER},{MARKER}\n".encode(), token)
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            status, _, answer = backend.exchange("POST", "/api/v1/items/imports", {"file_id": file}, token, headers)
            assert status == 202, answer
            until(lambda: [name for name in receiver.trace(TRACE).names() if INDEXED in name], "the statement of the subscriber")
            assert worker.end(signal.SIGTERM) == 0, worker.output
        assert backend.end(signal.SIGTERM) == 0, backend.output
    return receiver.trace(TRACE)


def check(trace: Trace, project: Project, receiver: Receiver) -> None:
    """What holds with every transport: one root, the kinds and names of the conventions, and no value of the request."""
    assert trace.roots() == [REQUEST]
    request = trace.named(REQUEST)
    assert (request.parent_span_id.hex(), request.kind) == (PARENT, Span.SPAN_KIND_SERVER)
    assert values(request.attributes).items() >= {"http.request.method": "POST", "http.response.status_code": 202}.items()
    statements = [one for one in trace.spans if "db.system.name" in values(one.attributes)]
    for one in statements:
        attributes = values(one.attributes)
        assert (one.name, one.kind) == (attributes["db.query.summary"], Span.SPAN_KIND_CLIENT)
        assert attributes["db.system.name"] == "postgresql"
        assert one.name.startswith(str(attributes["db.operation.name"]))
        assert "db.query.text" not in attributes
    assert trace.way_to(trace.named(f"send {JOB}"))[0] == REQUEST
    stored = [trace.way_to(one) for one in statements if "INSERT outbox" in one.name]
    assert all(f"process {JOB}" in way for way in stored)
    indexed = next(trace.way_to(one) for one in statements if INDEXED in one.name)
    assert indexed[0] == REQUEST
    assert f"process {JOB}" in indexed  # the job caused the event, whose subscriber sent the last statement
    assert MARKER not in receiver.text()
    assert project.email not in receiver.text()


@pytest.mark.slow
def test_one_trace_through_the_database(project: Project) -> None:
    with receiving() as receiver:
        trace = imported(project, receiver, {})
        check(trace, project, receiver)
    delivery = trace.named("process outbox")
    assert delivery.kind == Span.SPAN_KIND_CONSUMER
    assert [link.trace_id.hex() for link in delivery.links] == [TRACE]
    assert (
        values(delivery.attributes).items()
        >= {
            "messaging.system": "postgresql",
            "messaging.operation.type": "process",
            "cloudevents.event_type": "items.created.v1",
        }.items()
    )
    assert trace.named(f"send {JOB}").kind == Span.SPAN_KIND_PRODUCER
    assert trace.way_to(trace.named(f"process {JOB}"))[-2:] == [f"send {JOB}", f"process {JOB}"]


@pytest.mark.slow
def test_one_trace_through_kafka_and_rabbitmq(project: Project, kafka_url: str, amqp_url: str) -> None:
    prefix, name = namespace(kafka_url).prefix, f"test-{uuid4()}"
    brokers = {"EVENTS__URL": kafka_url, "EVENTS__PREFIX": prefix, "JOBS__URL": amqp_url, "APP_NAME": name}
    with receiving() as receiver:
        trace = imported(project, receiver, brokers)
        check(trace, project, receiver)
    topic, queue = f"{prefix}.items", f"jobs.{name}"
    published, delivered = trace.named(f"send {topic}"), trace.named(f"process {topic}")
    assert trace.way_to(delivered)[-3:] == [f"process {JOB}", f"send {topic}", f"process {topic}"]
    assert values(published.attributes)["messaging.system"] == values(delivered.attributes)["messaging.system"] == "kafka"
    assert (published.kind, delivered.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
    assert trace.way_to(trace.named(f"process {JOB}"))[-3:] == [f"send {JOB}", f"send {queue}", f"process {JOB}"]
    assert values(trace.named(f"send {queue}").attributes)["messaging.system"] == "rabbitmq"


def in_tenant(backend: Backend, token: str) -> str:
    """A token for the first tenant."""
    tenant = backend.request("GET", "/api/v1/tenants", token=token)[1]["items"][0]["id"]
    status, switched = backend.request("POST", f"/api/v1/tenants/{tenant}/switch", token=token)
    assert status == 200, switched
    switched_token: str = switched["access_token"]
    return switched_token
