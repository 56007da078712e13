"""Which spans leave the process: those of sampled traces and of units that failed, from bounded buffers."""

import asyncio
from collections.abc import Iterator, Sequence
from threading import Event

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.observability.recorder import RequestRecord
from api_base.infrastructure.observability.telemetry import sampler, unit_spans
from api_base.infrastructure.observability.telemetry.spans import Telemetry, start_with
from api_base.infrastructure.observability.telemetry.unit_spans import MAX_KEPT, MAX_KEPT_OF_UNIT, MAX_QUEUED, SpanQueue, as_sampled

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def context(number: int, flags: int = 0) -> RequestContext:
    return RequestContext(request_id="r", trace_id=TRACE, span_id=f"{number + 1:016x}", trace_flags=flags)


def record(number: int, status: int) -> RequestRecord:
    return RequestRecord(context(number), "GET", "/items", status, 1.0, 0.1)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exporter: InMemorySpanExporter) -> Iterator[Telemetry]:
    telemetry = start_with(exporter, service="s", environment="test", sample_ratio=0)
    yield telemetry
    telemetry.close()


def work(telemetry: Telemetry, number: int, name: str) -> None:
    """A span in the unit `number`, whose trace is not sampled."""
    token = current_context.set(context(number))
    try:
        with telemetry.provider.get_tracer("test").start_as_current_span(name):
            pass
    finally:
        current_context.reset(token)


def exported(telemetry: Telemetry, exporter: InMemorySpanExporter) -> list[str]:
    telemetry.close()
    return sorted(one.name for one in exporter.get_finished_spans())


def test_a_request_that_fails_is_exported_with_its_spans(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    work(telemetry, 0, "fails")
    work(telemetry, 1, "succeeds")
    telemetry.requests.write([record(1, 200), record(0, 503)])
    assert exported(telemetry, exporter) == ["GET /items", "fails"]
    assert all(one.context is not None and one.context.trace_flags.sampled for one in exporter.get_finished_spans())


def test_units_of_one_trace_are_decided_separately(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    work(telemetry, 0, "first")
    work(telemetry, 1, "second")
    telemetry.units.finish(context(0).span_id, False)
    telemetry.units.finish(context(1).span_id, True)
    assert exported(telemetry, exporter) == ["second"]


def test_a_unit_keeps_a_bounded_number_of_spans_the_last_ones(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    for number in range(MAX_KEPT_OF_UNIT + 10):
        work(telemetry, 0, f"{number:04}")
    telemetry.units.finish(context(0).span_id, True)
    names = exported(telemetry, exporter)
    assert names == [f"{number:04}" for number in range(10, MAX_KEPT_OF_UNIT + 10)]


def test_units_that_never_end_lose_their_spans_oldest_first(
    telemetry: Telemetry, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_spans, "MAX_KEPT", 10)
    for number in range(12):
        work(telemetry, number, f"{number:02}")
    for number in range(12):
        telemetry.units.finish(context(number).span_id, True)
    assert exported(telemetry, exporter) == [f"{number:02}" for number in range(2, 12)]
    assert MAX_KEPT >= MAX_KEPT_OF_UNIT


class Stuck(SpanExporter):
    """A collector that does not answer until `release`, and fails then."""

    def __init__(self) -> None:
        self.release = Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.release.wait(30)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.release.set()


async def test_a_collector_that_is_away_costs_neither_time_nor_memory() -> None:
    stuck = Stuck()
    telemetry = start_with(stuck, service="s", environment="test", sample_ratio=1)
    loop = asyncio.get_running_loop()
    spans = MAX_QUEUED + 2000
    began = loop.time()
    for _ in range(spans):
        with telemetry.provider.get_tracer("test").start_as_current_span("one"):
            pass
    assert loop.time() - began < 20  # the exporter would have waited 30 s
    assert telemetry.queue.dropped >= 2000 - 512
    stuck.release.set()
    telemetry.close()
    assert telemetry.queue.dropped == spans


def test_what_is_exported_is_not_counted_as_dropped(exporter: InMemorySpanExporter) -> None:
    telemetry = start_with(exporter, service="s", environment="test", sample_ratio=1)
    queue: SpanQueue = telemetry.queue
    with telemetry.provider.get_tracer("test").start_as_current_span("one"):
        pass
    telemetry.close()
    (span,) = exporter.get_finished_spans()
    assert as_sampled(span).name == "one"
    assert queue.dropped == 0


def test_texts_of_a_span_are_cut(exporter: InMemorySpanExporter) -> None:
    telemetry = start_with(exporter, service="s", environment="test", sample_ratio=1)
    with telemetry.provider.get_tracer("test").start_as_current_span("one", attributes={"text": "x" * 100_000}) as span:
        for number in range(100):
            span.add_event("event", {"text": "x" * 100_000})
            span.set_attribute(f"attribute-{number}", number)
    telemetry.close()
    (one,) = exporter.get_finished_spans()
    assert len(one.attributes or {}) == 64
    assert [len(str((event.attributes or {})["text"])) for event in one.events] == [4096] * 16


def test_the_largest_units_leave_oldest_first(
    telemetry: Telemetry, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_spans, "MAX_KEPT_BYTES", 2500)
    for number in range(3):
        work(telemetry, number, f"{number}")  # 1,000 bytes each
    for number in range(3):
        telemetry.units.finish(context(number).span_id, True)
    assert exported(telemetry, exporter) == ["1", "2"]


def test_a_queue_refuses_what_is_too_large_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_spans, "MAX_QUEUED_BYTES", 2000)
    stuck = Stuck()
    telemetry = start_with(stuck, service="s", environment="test", sample_ratio=1)
    for _ in range(10):
        with telemetry.provider.get_tracer("test").start_as_current_span("one"):
            pass
    assert telemetry.queue.dropped == 8
    stuck.release.set()
    telemetry.close()


def test_a_unit_that_answers_as_if_it_had_not_failed_is_exported(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    work(telemetry, 0, "masked")
    telemetry.units.fail(context(0).span_id)
    telemetry.requests.write([record(0, 200), record(0, 200)])
    assert exported(telemetry, exporter) == ["GET /items", "masked"]


def test_units_that_failed_and_never_end_are_bounded(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_spans, "MAX_FAILED", 2)
    for number in range(3):
        telemetry.units.fail(context(number).span_id)
    assert [telemetry.units.finish(context(number).span_id, False) for number in range(3)] == [False, True, True]


def test_messages_follow_their_senders_for_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(sampler.time, "monotonic", lambda: now[0])
    some = sampler.MessageSampler(ratio=0.0, per_second=2)
    assert [some.decide(flags) for flags in (1, 0, 1, 1, 1)] == [1, 0, 1, 0, 0]
    now[0] += 0.5
    assert [some.decide(1), some.decide(1)] == [1, 0]
    assert sampler.MessageSampler(ratio=1.0, per_second=0).decide(0) == 1
    assert sampler.MessageSampler(ratio=0.0, per_second=0).decide(1) == 0
