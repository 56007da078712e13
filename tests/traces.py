"""The spans that a test exports: units are decided as in a process with an endpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api_base.core.shared import trace_units, tracing
from api_base.infrastructure.observability.telemetry.spans import Telemetry, start_with

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@dataclass(frozen=True)
class Exported:
    """What was exported so far."""

    telemetry: Telemetry
    exporter: InMemorySpanExporter

    def spans(self) -> list[ReadableSpan]:
        """The spans, in the order of their ends. Nothing more is exported."""
        self.telemetry.close()
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        (found,) = (one for one in self.spans() if one.name == name)
        return found

    def text(self) -> str:
        return "\n".join(one.to_json() for one in self.spans())


@contextmanager
def exporting(*, ratio: float = 0.0, callers_per_second: float = 100.0) -> Iterator[Exported]:
    """Export the spans of this process."""
    exporter = InMemorySpanExporter()
    telemetry = start_with(exporter, service="s", environment="test", sample_ratio=ratio, callers_per_second=callers_per_second)
    tracer = telemetry.provider.get_tracer("test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "TRACER", tracer)
        patch.setattr(trace_units, "TRACER", tracer)
        patch.setattr(trace_units, "_export", [telemetry.units])
        yield Exported(telemetry, exporter)
        telemetry.close()


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> str:
    return "" if span.parent is None else f"{span.parent.span_id:016x}"
