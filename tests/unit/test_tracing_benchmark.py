"""What `benchmarks tracing` compares a request with: the same request without a trace context, made from the source as shipped."""

from contextlib import nullcontext

import pytest

from benchmarks.untraced import untraced
from tests.http_harness import THING, shell, things


@pytest.mark.parametrize(("around", "traced"), [(untraced, False), (nullcontext, True)])
async def test_a_request_has_a_trace_context_unless_it_is_measured_without_one(around: type[nullcontext[None]], traced: bool) -> None:
    here = shell(things())
    with around():
        async with here.client() as client:
            answer = await client.get(f"/api/v1/things/{THING}")
    context = here.recorder.last[0]
    assert (answer.status_code, "traceparent" in answer.headers, bool(context.trace_id), bool(context.span_id)) == (
        200,
        traced,
        traced,
        traced,
    )
    assert answer.headers["x-request-id"] == context.request_id
