"""The exporter with collectors that refuse, are slow, or are away: spans are dropped and counted, the log has one line, the end is bounded."""

import logging
import time

import pytest
from structlog.testing import capture_logs

from api_base.infrastructure.observability.telemetry import spans, unit_spans
from api_base.infrastructure.observability.telemetry.spans import Telemetry, exporter_to, start_with
from tests.e2e.processes import free_port, until
from tests.otlp import receiving

BATCHES = 3


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "EXPORT_TIMEOUT", 0.3)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")


def telemetry_to(url: str) -> Telemetry:
    return start_with(exporter_to(url), service="s", environment="test", sample_ratio=1)


def lose(telemetry: Telemetry, so_many: int) -> None:
    """Send one span after the other, each in a batch of its own."""
    for number in range(1, so_many + 1):
        with telemetry.provider.get_tracer("test").start_as_current_span("lost"):
            pass
        until(lambda number=number: telemetry.queue.dropped == number, "a span that is dropped", 10)  # type: ignore[misc]


@pytest.mark.parametrize(("status", "delay"), [(500, 0.0), (429, 0.0), (503, 0.0), (404, 0.0), (200, 30.0)])
def test_a_collector_that_refuses_or_is_slow_is_one_line_in_the_log(status: int, delay: float, caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver, capture_logs() as lines, caplog.at_level(logging.DEBUG, "opentelemetry"):
        receiver.status, receiver.delay = status, delay
        telemetry = telemetry_to(receiver.url)
        lose(telemetry, BATCHES)
        assert [one["event"] for one in lines] == ["trace_export_failed"]
        assert len(lines[0]["reason"]) > 10
        receiver.status, receiver.delay = 200, 0.0
        with telemetry.provider.get_tracer("test").start_as_current_span("arrives"):
            pass
        until(lambda: [one.name for one in receiver.spans if one.name == "arrives"], "the span", 10)
        telemetry.close()
    assert [(one["event"], one.get("dropped")) for one in lines] == [("trace_export_failed", None), ("trace_export_resumed", BATCHES)]
    assert telemetry.queue.dropped == BATCHES
    assert [one for one in caplog.records if one.name.startswith("opentelemetry.exporter")] == []


def test_a_collector_that_is_away_is_one_line_in_the_log() -> None:
    with capture_logs() as lines:
        telemetry = telemetry_to(f"http://127.0.0.1:{free_port()}")
        lose(telemetry, BATCHES)
        telemetry.close()
    assert [one["event"] for one in lines] == ["trace_export_failed"]


@pytest.mark.slow
def test_the_end_of_a_process_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "EXPORT_TIMEOUT", 60.0)
    monkeypatch.setattr(unit_spans, "CLOSE_TIMEOUT", 1.2)
    with receiving() as receiver, capture_logs() as lines:
        receiver.delay = 60.0
        telemetry = telemetry_to(receiver.url)
        for _ in range(600):  # more than a batch: the first is on its way, the rest waits
            with telemetry.provider.get_tracer("test").start_as_current_span("one"):
                pass
        began = time.monotonic()
        telemetry.close()
        assert time.monotonic() - began < 20  # the answer would have taken 60 s
        (line,) = lines
        assert (line["event"], line["count"] > 0) == ("trace_spans_dropped", True)


def test_what_waits_at_the_end_is_sent() -> None:
    with receiving() as receiver:
        telemetry = telemetry_to(receiver.url)
        for _ in range(600):
            with telemetry.provider.get_tracer("test").start_as_current_span("one"):
                pass
        telemetry.close()
        assert len(receiver.spans) == 600
