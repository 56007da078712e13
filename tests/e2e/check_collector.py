"""`make trace-collector`: the real OpenTelemetry Collector receives the traces of imports, which its log then shows whole."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.conftest import Project
from tests.e2e.test_traces import INDEXED, through_brokers, through_the_database
from tests.otlp import Receiver, Trace

_SPAN: Final = re.compile(r"^Span #\d+\n(.*?)(?=^Span #|^ScopeSpans #|^ResourceSpans #|^\d{4}-|\Z)", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(r"^    (Trace ID|Parent ID|ID|Name|Kind|TraceState) +: ?(.*)$", re.MULTILINE)
_ATTRIBUTE: Final = re.compile(r"^     -> (\S+): (Str|Int)\((.*)\)$", re.MULTILINE)
_LINK: Final = re.compile(r"-> Trace ID: (\w+)\s+-> ID: (\w+)")


@dataclass(slots=True)
class CollectorLog(Receiver):
    """What the debug exporter of the Collector wrote."""

    log: Path = Path()

    def trace(self, id: str) -> Trace:
        blocks = [one for one in _SPAN.findall(self.text()) if id in one]
        return Trace([span for one in blocks if (span := _span(one)).trace_id.hex() == id])

    def text(self) -> str:
        return self.log.read_text()


def _span(block: str) -> Span:
    found = dict(_FIELD.findall(block.partition("Attributes:")[0]))
    span = Span(
        name=found["Name"],
        trace_id=bytes.fromhex(found["Trace ID"]),
        span_id=bytes.fromhex(found["ID"]),
        parent_span_id=bytes.fromhex(found["Parent ID"]),
        trace_state=found.get("TraceState", ""),
        kind=Span.SpanKind.Value(f"SPAN_KIND_{found['Kind'].upper()}"),
    )
    own, _, links = block.partition("Links:")
    for key, kind, value in _ATTRIBUTE.findall(own.partition("Events:")[0]):
        one = span.attributes.add(key=key)
        if kind == "Int":
            one.value.int_value = int(value)
        else:
            one.value.string_value = value
    for trace_id, span_id in _LINK.findall(links):
        span.links.add(trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id))
    return span


@pytest.fixture
def collector() -> CollectorLog:
    return CollectorLog(url=os.environ["TEST_COLLECTOR_URL"], log=Path(os.environ["TEST_COLLECTOR_LOG"]))


def test_the_collector_has_the_whole_trace_of_each_protocol(project: Project, collector: CollectorLog) -> None:
    show(through_the_database(project, collector))


def test_the_collector_has_it_behind_kafka_and_rabbitmq(project: Project, collector: CollectorLog, kafka_url: str, amqp_url: str) -> None:
    show(through_brokers(project, collector, kafka_url, amqp_url))


def show(traces: Mapping[str, Trace]) -> None:
    for name, trace in traces.items():
        print(f"\n{name}: {len(trace.spans)} spans, to the last statement:")
        last = next((one for one in trace.spans if INDEXED in one.name), trace.spans[-1])
        print("\n".join(f"{'  ' * depth}{one}" for depth, one in enumerate(trace.way_to(last))))
