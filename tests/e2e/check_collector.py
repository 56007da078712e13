"""`make trace-collector`: the real OpenTelemetry Collector receives the trace of an import, which its log then shows whole."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.conftest import Project
from tests.e2e.test_traces import INDEXED, JOB, MARKER, REQUEST, imported
from tests.otlp import Receiver, Trace

_SPAN = re.compile(r"Trace ID +: (\w+)\s+Parent ID +: (\w*)\s+ID +: (\w+)\s+Name +: (.+)")


@dataclass(slots=True)
class CollectorLog(Receiver):
    """What the debug exporter of the Collector wrote."""

    log: Path = Path()

    def trace(self, id: str) -> Trace:
        return Trace(
            [
                Span(name=name, trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(span), parent_span_id=bytes.fromhex(parent))
                for trace, parent, span, name in _SPAN.findall(self.text())
                if trace == id
            ]
        )

    def text(self) -> str:
        return self.log.read_text()


def test_the_collector_has_the_whole_trace(project: Project) -> None:
    collector = CollectorLog(url=os.environ["TEST_COLLECTOR_URL"], log=Path(os.environ["TEST_COLLECTOR_LOG"]))
    trace = imported(project, collector, {})
    assert trace.roots() == [REQUEST]
    last = next(one for one in trace.spans if INDEXED in one.name)
    way = trace.way_to(last)
    print("\n".join(f"{'  ' * depth}{name}" for depth, name in enumerate(way)))
    assert (way[0], f"process {JOB}" in way) == (REQUEST, True)
    assert MARKER not in collector.text()
