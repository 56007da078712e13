"""Exemplars: a bucket of a histogram names the last traced request in it, to scrapers that ask for OpenMetrics."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from api_base.core.types import RequestContext
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.observability.exposition import MergedMetrics
from api_base.infrastructure.observability.recorder import BatchingRecorder

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
FIRST, SECOND = "4bf92f3577b34da6a3ce929d0e0e4736", "fffffffffffffffffffffffffffffffe"


def exemplars(metrics: MergedMetrics) -> dict[str, tuple[str, str, float]]:
    """Trace id, span id and seconds by the bound of the bucket."""
    text = metrics.exposition(OPENMETRICS)[0].decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.exemplar]
    return {one.labels["le"]: (one.exemplar.labels["trace_id"], one.exemplar.labels["span_id"], one.exemplar.value) for one in samples}


def finish(recorder: BatchingRecorder, trace: str, seconds: float, flags: int = 1) -> None:
    context = RequestContext(request_id="r", trace_id=trace, span_id=trace[16:], trace_flags=flags)
    recorder.started()
    recorder.finished(context, "GET", "/items", 200, 0.0, seconds)


def test_each_bucket_has_the_last_traced_request() -> None:
    counters = Counters()
    recorder = BatchingRecorder(counters)
    finish(recorder, FIRST, 0.002)
    finish(recorder, SECOND, 0.0021)
    finish(recorder, FIRST, 3.0)
    finish(recorder, FIRST, 0.0022, flags=0)
    assert exemplars(MergedMetrics(counters)) == {
        "0.0025": (SECOND, SECOND[16:], pytest.approx(0.0021)),
        "5.0": (FIRST, FIRST[16:], pytest.approx(3.0)),
    }


def test_the_text_format_of_prometheus_has_no_exemplars() -> None:
    counters = Counters()
    finish(BatchingRecorder(counters), FIRST, 0.002)
    content, content_type = MergedMetrics(counters).exposition("")
    assert FIRST not in content.decode()
    assert content_type.startswith("text/plain; version=0.0.4")
    assert "http_requests" in {family.name for family in plain_families(content.decode())}


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", True),
        ("Application/OpenMetrics-Text", True),
        ("application/openmetrics-text; version=x\x01", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text; q=0.0, text/plain", False),
        ("*/*", False),
    ],
)
def test_the_format_follows_the_accept_header(accept: str, openmetrics: bool) -> None:
    content_type = MergedMetrics(Counters()).exposition(accept)[1]
    assert content_type.startswith("application/openmetrics-text; version=1.0.0") is openmetrics
