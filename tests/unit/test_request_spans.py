"""Spans: of requests by their records, of the inside as their children, only where the trace is sampled."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from api_base.core.errors import ConfigurationError
from api_base.core.types import RequestContext
from api_base.infrastructure.observability.recorder import RequestRecord
from api_base.infrastructure.observability.telemetry import spans
from api_base.infrastructure.observability.telemetry.spans import Telemetry, start_with

TRACE, SPAN, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "00f067aa0ba902b8"


def record(flags: int = 1, parent: str = PARENT, status: int = 200) -> RequestRecord:
    context = RequestContext(request_id="r", trace_id=TRACE, span_id=SPAN, parent_span_id=parent, trace_flags=flags, address="203.0.113.7")
    return RequestRecord(context, "GET", "/items/{id}", status, 1_800_000_000.0, 0.5)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exporter: InMemorySpanExporter) -> Telemetry:
    return start_with(exporter, service="s", environment="test", sample_ratio=0)


def test_a_sampled_request_is_a_server_span(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    telemetry.requests.write([record()])
    telemetry.close()
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("GET /items/{id}", SpanKind.SERVER)
    assert (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}") == (TRACE, SPAN)
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT
    assert (span.start_time, span.end_time) == (1_800_000_000_000_000_000, 1_800_000_000_500_000_000)
    assert span.attributes is not None
    assert span.attributes["http.route"] == "/items/{id}"
    assert span.attributes["http.response.status_code"] == 200
    assert span.resource.attributes["service.name"] == "s"
    assert span.status.status_code is StatusCode.UNSET


def test_an_answer_of_5xx_is_an_error(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    telemetry.requests.write([record(status=503, parent="")])
    telemetry.close()
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.parent) == (StatusCode.ERROR, None)


def test_what_is_not_sampled_is_not_sent(telemetry: Telemetry, exporter: InMemorySpanExporter) -> None:
    telemetry.requests.write([record(flags=0)])
    telemetry.close()
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://x", "http://"])
def test_an_endpoint_that_is_no_url_is_a_configuration_error(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="OTLP_ENDPOINT"):
        spans.start(service="s", environment="test", endpoint=endpoint, sample_ratio=1)
