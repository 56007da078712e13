"""`traceparent`, `tracestate` and `baggage` from outside: validated, bounded, passed on unchanged or not at all."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.shared.trace_context import MAX_KEPT_BAGGAGE, MAX_TRACESTATE, TraceContext, baggage_of, keep_baggage, tracestate_of
from api_base.core.types import RequestContext
from tests.http_harness import shell, things

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
URL = "/api/v1/things/018f2b7c-0000-7000-8000-000000000001"


@pytest.fixture
def tenant_and_plan() -> Iterator[None]:
    keep_baggage(("tenant", "plan"))
    yield
    keep_baggage(())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("fw529a3039@dt=FfAsD;x:y/z", "fw529a3039@dt=FfAsD;x:y/z"),
        (" a=1 \t,, b=2,", "a=1,b=2"),
        ("a=x y", "a=x y"),
        (",".join(f"k{number}=v" for number in range(32)), ",".join(f"k{number}=v" for number in range(32))),
    ],
)
def test_a_valid_tracestate_is_passed_on(sent: str, kept: str) -> None:
    assert tracestate_of(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        "a",
        "=1",
        "a=",
        "A=1",
        "a=1=2",
        "a=1,a=2",
        "a=ä",
        "a=1\r\nx: y",
        "a=1\nb=2",
        "a@b@c=1",
        "1a=1",
        "@a=1",
        f"a={'x' * 257}",
        ",".join(f"k{number}=v" for number in range(33)),
        f"a={'x' * 250},b={'x' * 250},c={'x' * 20}",
    ],
)
def test_a_malformed_or_long_tracestate_is_dropped(sent: str) -> None:
    assert tracestate_of(sent) == ""


@given(st.text(max_size=700))
def test_no_tracestate_breaks_a_line_or_the_limit(sent: str) -> None:
    kept = tracestate_of(sent)
    assert len(kept) <= MAX_TRACESTATE
    assert kept.isprintable()
    assert tracestate_of(kept) == kept


def test_without_an_allowed_key_no_baggage_is_kept() -> None:
    assert baggage_of("tenant=1,secret=2") == ""


@pytest.mark.usefixtures("tenant_and_plan")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("tenant=1,secret=2, plan = gold ;prop=x;flag", "tenant=1,plan=gold"),
        ("tenant=1,tenant=2", "tenant=1"),
        ("Tenant=1,tenant2=3", ""),
        ("tenant=a b,plan=x\r\ny,tenant=DF%2028", "tenant=DF%2028"),
        (",".join(["tenant=1"] * 65), ""),
        ("tenant=" + "x" * 9000, ""),
        ("tenant=" + "x" * (MAX_KEPT_BAGGAGE - 10) + ",plan=gold", "tenant=" + "x" * (MAX_KEPT_BAGGAGE - 10)),
        ("tenant=" + "x" * MAX_KEPT_BAGGAGE, ""),
    ],
)
def test_baggage_is_kept_by_key_and_within_its_size(sent: str, kept: str) -> None:
    assert baggage_of(sent) == kept


def test_a_tracestate_without_its_traceparent_is_dropped() -> None:
    assert TraceContext.received("00-nonsense", "a=1", None) == ("", "", "")
    assert TraceContext.received(None, b"a=1", None) == ("", "", "")
    assert TraceContext.received(PARENT.encode(), b"a=1", 7) == (PARENT, "a=1", "")
    assert TraceContext.received([PARENT], {"a": 1}, True) == ("", "", "")


@pytest.mark.parametrize("stored", [TraceContext(), TraceContext(PARENT), TraceContext(PARENT, "a=1"), TraceContext(PARENT, "", "b=2")])
def test_what_later_work_receives_is_what_the_request_had(stored: TraceContext) -> None:
    context = RequestContext.caused_by("r", str(stored))
    assert (TraceContext.parse(context.propagated), TraceContext.parse(str(stored))) == (stored, stored)


@pytest.mark.usefixtures("tenant_and_plan")
async def test_several_lines_of_a_header_are_one_list() -> None:
    here = shell(things())
    sent = [("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "secret=1"), ("tracestate", "b=2"), ("baggage", "plan=gold")]
    async with here.client() as client:
        await client.get(URL, headers=sent)
    context = here.recorder.last[0]
    assert (context.tracestate, context.baggage) == ("a=1,b=2", "plan=gold")


async def test_two_traceparents_are_none() -> None:
    here = shell(things())
    async with here.client() as client:
        await client.get(URL, headers=[("traceparent", PARENT), ("traceparent", PARENT), ("tracestate", "a=1")])
    context = here.recorder.last[0]
    assert (context.parent_span_id, context.tracestate) == ("", "")
