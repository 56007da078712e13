"""Spans of GraphQL operations, of messages and of jobs: what is exported, what is not, and in which trace."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from api_base.application.common.events.delivery import EventDelivery
from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.trace_units import Outgoing, message, sending
from api_base.core.types import NO_REQUEST, RequestContext, current_context
from api_base.interface.graphql.engine import Response
from api_base.interface.graphql.request import OperationRequest
from api_base.interface.graphql.spans import event_span
from tests.factories.events import VERSIONS, stored_event
from tests.factories.graphql import engine
from tests.traces import SAMPLED, SPAN, TRACE, UNSAMPLED, Exported, exporting, parent_of, trace_of
from tests.unit.test_event_delivery import Committing, decode, subscription

SECRET = "ana@example.com"


@pytest.fixture
def exported() -> Iterator[Exported]:
    with exporting() as found:
        yield found


def request(flags: int) -> RequestContext:
    """The context of an HTTP request."""
    return RequestContext(request_id="r", trace_id=TRACE, span_id=SPAN, trace_flags=flags)


async def run(query: str, flags: int, **variables: Any) -> Response:
    current_context.set(request(flags))
    return await engine().run(OperationRequest(query=query, variables=variables), keep=True)


async def test_an_operation_is_a_span_without_document_or_values(exported: Exported) -> None:
    response = await run("mutation Rename($name: String!) { rename(name: $name) { name } }", 1, name=SECRET)
    assert response.executed
    span = exported.named("mutation")
    assert (span.kind, trace_of(span), parent_of(span)) == (SpanKind.SERVER, TRACE, SPAN)
    assert span.attributes == {"graphql.operation.type": "mutation", "graphql.operation.name": "Rename"}
    assert SECRET not in exported.text()


@pytest.mark.parametrize("query", ["{ items { nodes { id } } }", "query ($x: Int) { items(first: $x) { nodes { id } } }"])
async def test_an_anonymous_operation_has_no_name(exported: Exported, query: str) -> None:
    await run(query, 1)
    assert exported.named("query").attributes == {"graphql.operation.type": "query"}


async def test_a_document_that_is_refused_is_an_operation_without_type(exported: Exported) -> None:
    assert not (await run(f'{{ items(after: "{SECRET}") {{ nope }} }}', 1)).executed
    span = exported.named("GraphQL Operation")
    assert (span.attributes, span.status.status_code) == ({}, StatusCode.UNSET)
    assert SECRET not in exported.text()


async def test_a_long_name_of_an_operation_is_cut(exported: Exported) -> None:
    await run(f"query {'n' * 5000} {{ items {{ nodes {{ id }} }} }}", 1)
    assert exported.named("query").attributes == {"graphql.operation.type": "query", "graphql.operation.name": "n" * 200}


async def test_an_error_of_the_server_behind_a_200_makes_the_request_fail(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = engine()
    code = {"code": "INTERNAL", "status": 500}
    monkeypatch.setattr(failing, "_formatted", lambda errors: [dict(one.formatted) | {"extensions": code} for one in errors])
    current_context.set(request(0))
    assert (await failing.run(OperationRequest(query="{ fails }"), keep=True)).status == 200
    assert exported.telemetry.units.finish(SPAN, False)
    span = exported.named("query")
    assert (span.attributes or {})["error.type"] == "INTERNAL"
    assert "password" not in exported.text()


async def test_an_error_of_the_client_exports_nothing(exported: Exported) -> None:
    await run("{ nope }", 0)
    assert not exported.telemetry.units.finish(SPAN, False)
    assert exported.spans() == []


async def test_two_operations_of_a_batch_are_two_spans(exported: Exported) -> None:
    both = engine()
    current_context.set(request(1))
    for _ in range(2):
        await both.run(OperationRequest(query="{ items { nodes { id } } }"), keep=True)
    assert [(one.name, parent_of(one)) for one in exported.spans()] == [("query", SPAN)] * 2


async def test_an_event_is_executed_in_the_trace_of_its_writer(exported: Exported) -> None:
    writer = f"00-{'a' * 32}-{'b' * 16}-01\nv=1"
    current_context.set(request(0))
    with event_span(SimpleNamespace(event=SimpleNamespace(traceparent=writer))):
        inside = current_context.get()
    assert current_context.get().trace_id == TRACE
    span = exported.named("subscription")
    assert (trace_of(span), parent_of(span), span.kind) == ("a" * 32, "b" * 16, SpanKind.CONSUMER)
    assert (inside.trace_id, inside.tracestate) == ("a" * 32, "v=1")
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]


async def test_an_event_without_a_trace_belongs_to_that_of_the_subscriber(exported: Exported) -> None:
    current_context.set(request(1))
    for source in (object(), SimpleNamespace(event=None), SimpleNamespace(event=SimpleNamespace(traceparent=""))):
        with event_span(source):
            pass
    assert [(trace_of(one), parent_of(one)) for one in exported.spans()] == [(TRACE, SPAN)] * 3


async def test_a_message_whose_client_is_refused_is_not_exported_and_one_that_fails_is(exported: Exported) -> None:
    with message(request(0), "refused", {}) as span:
        span.set_status(StatusCode.ERROR)
    with pytest.raises(ValueError, match=SECRET), message(request(0), "fails", {}):
        raise ValueError(SECRET)
    await asyncio.sleep(0)
    assert [one.name for one in exported.spans()] == ["fails"]
    assert SECRET not in exported.text()


async def test_a_message_names_its_own_span_as_the_parent() -> None:
    with exporting(callers_per_second=2) as exported:
        sent = TraceContext(f"00-{'a' * 32}-{'b' * 16}-01", "v=1")
        for _ in range(3):
            with message(request(0), "named", {}, sent=sent):
                assert current_context.get().tracestate == "v=1"
        with message(request(0), "invalid", {}, sent=TraceContext("00-nonsense")):
            assert current_context.get().trace_id == TRACE
        await asyncio.sleep(0)
        spans = exported.spans()
    assert [(one.name, trace_of(one), parent_of(one)) for one in spans] == [("named", "a" * 32, "b" * 16)] * 2  # the third is not sampled
    assert [f"{link.context.span_id:016x}" for one in spans for link in one.links] == [SPAN] * 2


async def test_attempts_and_redeliveries_are_new_spans_of_the_same_trace(exported: Exported) -> None:
    event = stored_event(traceparent=SAMPLED, tenant_id=uuid4())

    async def fails(payload: object) -> None:
        raise RuntimeError(SECRET)

    for _ in range(2):
        with pytest.raises(RuntimeError):
            await EventDelivery(Committing(), decode, VERSIONS).handle(subscription(fails), event)
    await asyncio.sleep(0)
    spans = exported.spans()
    assert [(one.name, trace_of(one), parent_of(one)) for one in spans] == [("process outbox", TRACE, SPAN)] * 2
    assert len({one.context.span_id for one in spans if one.context is not None}) == 2
    assert SECRET not in exported.text()


async def test_the_messages_of_a_batch_stay_in_their_traces(exported: Exported) -> None:
    parents = [f"00-{digit * 32}-{digit * 16}-01" for digit in "abc"]
    texts = [parents[0], f"{parents[1]}\nv=1\nk=2", "", f"{parents[2]}\n\nk=3"]
    with sending("kafka", [Outgoing(destination="topic", id=str(number), traceparent=one) for number, one in enumerate(texts)]) as sent:
        found = [TraceContext.parse(one) for one in sent]
    assert [(one.traceparent[3:35], one.tracestate, one.baggage) for one in found] == [
        ("a" * 32, "", ""),
        ("b" * 32, "v=1", "k=2"),
        ("", "", ""),
        ("c" * 32, "", "k=3"),
    ]
    assert [(trace_of(one), parent_of(one)) for one in exported.spans()] == [(digit * 32, digit * 16) for digit in "abc"]


async def test_without_an_exporter_a_trace_is_passed_on_and_nothing_else_happens() -> None:
    token = current_context.set(NO_REQUEST)
    try:
        with message(request(0), "named", {}, sent=TraceContext(UNSAMPLED.replace(TRACE, "a" * 32), "v=1")) as span:
            assert current_context.get().propagated.startswith(f"00-{'a' * 32}-{SPAN}-00\nv=1")
            assert not span.is_recording()
    finally:
        current_context.reset(token)
