"""Which spans are exported: those of sampled traces, and those of units that failed.

The spans of a unit that is not sampled are kept until it ends. Memory is bounded: beyond the limits the oldest unit loses its spans, and a
unit the ones that follow. The queue of the exporter is bounded as well: what it cannot take is dropped and counted.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from api_base.core.types import NO_REQUEST, current_context

MAX_QUEUED: Final = 4096
"""Spans that wait for the exporter."""
MAX_KEPT: Final = 8192
"""Spans of units that are not sampled and have not ended."""
MAX_KEPT_OF_UNIT: Final = 128
CLOSE_TIMEOUT: Final = 5.0
"""Seconds for the remaining spans when the process ends."""
SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class SpanQueue:
    """Passes spans to `exporter` in batches, from a thread. `dropped` counts those that were not exported."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = _CountedExporter(exporter)
        self._processor = BatchSpanProcessor(self._exporter, max_queue_size=MAX_QUEUED)
        self._added = self._refused = 0

    @property
    def dropped(self) -> int:
        return self._refused + self._exporter.failed

    def add(self, span: ReadableSpan) -> None:
        """Queue a span whose trace is sampled."""
        if self._added - self._exporter.taken >= MAX_QUEUED:
            self._refused += 1
            return
        self._added += 1
        self._processor.on_end(span)

    def close(self) -> None:
        """Export the rest, for at most `CLOSE_TIMEOUT` seconds and the timeout of one request to the collector."""
        limit = threading.Timer(CLOSE_TIMEOUT, self._exporter.shutdown)
        limit.daemon = True
        limit.start()
        self._processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK does not annotate it
        limit.cancel()


class _CountedExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.taken = self.failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            if result is not SpanExportResult.SUCCESS:
                self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class UnitSpans(SpanProcessor):
    """Queues the spans of sampled traces when they end, and the others when their unit has failed."""

    def __init__(self, queue: SpanQueue) -> None:
        self._queue = queue
        self._units: OrderedDict[str, list[ReadableSpan]] = OrderedDict()
        self._kept = 0
        self._lock = threading.Lock()

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self._queue.add(span)
            return
        unit = current_context.get(NO_REQUEST).span_id
        if unit:
            self._keep(unit, span)
        elif span.status.status_code is StatusCode.ERROR:
            self._queue.add(as_sampled(span))

    def finish(self, unit: str, failed: bool) -> None:
        """Export or forget the spans of a unit, by the id of its span."""
        with self._lock:
            spans = self._units.pop(unit, [])
            self._kept -= len(spans)
        for span in spans if failed else ():
            self._queue.add(as_sampled(span))

    def _keep(self, unit: str, span: ReadableSpan) -> None:
        with self._lock:
            spans = self._units.setdefault(unit, [])
            if len(spans) >= MAX_KEPT_OF_UNIT:
                del spans[0]  # the failure, and the unit's own span, end last
                self._kept -= 1
            spans.append(span)
            self._kept += 1
            while self._kept > MAX_KEPT:
                _, oldest = self._units.popitem(last=False)
                self._kept -= len(oldest)


def as_sampled(span: ReadableSpan) -> ReadableSpan:
    """The same span, in a trace that is sampled."""
    own = span.context
    assert own is not None  # only a span without an SDK has none
    return ReadableSpan(
        name=span.name,
        context=SpanContext(own.trace_id, own.span_id, own.is_remote, SAMPLED, own.trace_state),
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
