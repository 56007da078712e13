"""One trace from a request through outbox, broker and job to its last statement, as an OTLP receiver finds it."""

import signal
from collections.abc import Mapping
from uuid import uuid4

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.conftest import Project
from tests.e2e.processes import serving, until, working
from tests.kafka import namespace
from tests.otlp import Receiver, Trace, receiving, values

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MARKER = "correct-horse-Marker-battery-57"
"""A value of the request, which no span may have."""
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
REQUEST = "POST /api/v1/auth/password"
JOB = "users.mail_password_changed"


def changed_password(project: Project, receiver: Receiver, brokers: Mapping[str, str]) -> Trace:
    """The trace of a change of password, whose event enqueues a job that sends an e-mail."""
    variables = {"OBSERVABILITY__OTLP_ENDPOINT": receiver.url, **SOON, **brokers}
    with serving(project.home, "--no-worker", **variables) as backend:
        token = project.log_in(backend.ready())
        with working(project.home, **variables) as worker:
            body = {"current_password": project.password, "new_password": MARKER}
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            status, answer, *_ = backend.exchange("POST", "/api/v1/auth/password", body, token, headers)
            assert status == 204, answer
            until(lambda: f"process {JOB}" in receiver.trace(TRACE).names(), f"the span of the job in {receiver.trace(TRACE).names()}")
            back = {"current_password": MARKER, "new_password": project.password}
            assert backend.request("POST", "/api/v1/auth/password", back, token)[0] == 204
            assert worker.end(signal.SIGTERM) == 0, worker.output
        assert backend.end(signal.SIGTERM) == 0, backend.output
    return receiver.trace(TRACE)


def check(trace: Trace, project: Project, receiver: Receiver) -> None:
    """What holds with every transport: one root, the kinds and names of the conventions, and no value of the request."""
    assert trace.roots() == [REQUEST]
    request = trace.named(REQUEST)
    assert (request.parent_span_id.hex(), request.kind) == (PARENT, Span.SPAN_KIND_SERVER)
    assert values(request.attributes).items() >= {"http.request.method": "POST", "http.response.status_code": 204}.items()
    statements = [one for one in trace.spans if "db.system.name" in values(one.attributes)]
    assert {values(one.attributes)["db.system.name"] for one in statements} == {"postgresql"}
    for one in statements:
        attributes = values(one.attributes)
        assert (one.name, one.kind) == (attributes["db.query.summary"], Span.SPAN_KIND_CLIENT)
        assert one.name.startswith(str(attributes["db.operation.name"]))
        assert "db.query.text" not in attributes
    written = next(one for one in statements if "INSERT outbox" in one.name and "ChangePassword" in trace.way_to(one))
    assert trace.way_to(written)[:2] == [REQUEST, "ChangePassword"]
    job = trace.named(f"process {JOB}")
    assert job.kind == Span.SPAN_KIND_CONSUMER
    assert job.links[0].trace_id.hex() == TRACE
    assert any(trace.way_to(one)[-2:-1] and f"process {JOB}" in trace.way_to(one) for one in statements)
    assert MARKER not in receiver.text()
    assert project.email not in receiver.text()


@pytest.mark.slow
def test_one_trace_through_the_database(project: Project) -> None:
    with receiving() as receiver:
        trace = changed_password(project, receiver, {})
        check(trace, project, receiver)
    delivery = trace.named("process outbox")
    assert trace.way_to(delivery) == [REQUEST, "process outbox"]
    assert (
        values(delivery.attributes).items()
        >= {
            "messaging.system": "postgresql",
            "messaging.operation.type": "process",
            "cloudevents.event_type": "users.password_changed.v1",
        }.items()
    )
    sent = trace.named(f"send {JOB}")
    assert (sent.kind, trace.way_to(sent)[:2]) == (Span.SPAN_KIND_PRODUCER, [REQUEST, "process outbox"])
    assert trace.way_to(trace.named(f"process {JOB}")) == [REQUEST, f"send {JOB}", f"process {JOB}"]


@pytest.mark.slow
def test_one_trace_through_kafka_and_rabbitmq(project: Project, kafka_url: str, amqp_url: str) -> None:
    prefix, name = namespace(kafka_url).prefix, f"test-{uuid4()}"
    brokers = {"EVENTS__URL": kafka_url, "EVENTS__PREFIX": prefix, "JOBS__URL": amqp_url, "APP_NAME": name}
    with receiving() as receiver:
        trace = changed_password(project, receiver, brokers)
        check(trace, project, receiver)
    topic, queue = f"{prefix}.users", f"jobs.{name}"
    published, delivered = trace.named(f"send {topic}"), trace.named(f"process {topic}")
    assert trace.way_to(delivered) == [REQUEST, f"send {topic}", f"process {topic}"]
    assert values(published.attributes)["messaging.system"] == values(delivered.attributes)["messaging.system"] == "kafka"
    assert (published.kind, delivered.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
    assert trace.way_to(trace.named(f"process {JOB}"))[-3:] == [f"send {JOB}", f"send {queue}", f"process {JOB}"]
    assert values(trace.named(f"send {queue}").attributes)["messaging.system"] == "rabbitmq"
