"""Which spans are exported: those of sampled traces, and those of units that failed.

The spans of a unit that is not sampled are kept until it ends. Memory is bounded: beyond the limits the oldest unit loses its spans, and a
unit the ones that follow. The queue of the exporter is bounded as well: what it cannot take is dropped and counted.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_REQUEST, current_context
from api_base.infrastructure.observability.telemetry.sampler import MessageSampler

logger = get_logger(__name__)

MAX_QUEUED: Final = 4096
"""Spans that wait for the exporter."""
MAX_KEPT: Final = 8192
"""Spans of units that are not sampled and have not ended."""
MAX_KEPT_OF_UNIT: Final = 128
MAX_QUEUED_BYTES: Final = 16 * 1_048_576
MAX_KEPT_BYTES: Final = 16 * 1_048_576
"""Estimates by `size_of`."""
MAX_FAILED: Final = 8192
"""Units that failed and have not ended."""
MAX_REASON: Final = 200
"""Characters of a reason that is logged."""
_SPAN_BYTES: Final = 1000
"""Of a span without attributes."""
CLOSE_TIMEOUT: Final = 5.0
"""Seconds for the remaining spans when the process ends."""
SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class SpanQueue:
    """Passes spans to `exporter` in batches, from a thread. `dropped` counts those that were not exported."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = _CountedExporter(exporter)
        self._processor = BatchSpanProcessor(self._exporter, max_queue_size=MAX_QUEUED)
        self._added = self._added_bytes = self._refused = 0

    @property
    def dropped(self) -> int:
        return self._refused + self._exporter.failed

    def add(self, span: ReadableSpan) -> None:
        """Queue a span whose trace is sampled."""
        if self._added - self._exporter.taken >= MAX_QUEUED or self._added_bytes - self._exporter.taken_bytes >= MAX_QUEUED_BYTES:
            self._refused += 1
            return
        self._added += 1
        self._added_bytes += size_of(span)
        self._processor.on_end(span)

    def close(self) -> None:
        """Export the rest, for at most `CLOSE_TIMEOUT` seconds."""
        limit = threading.Timer(CLOSE_TIMEOUT - 1, self._exporter.shutdown)  # ends the pauses between two attempts
        limit.daemon = True
        limit.start()
        ending = threading.Thread(target=self._processor.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_TIMEOUT)
        limit.cancel()
        left = self._added - self._exporter.taken
        if left:
            logger.warning("trace_spans_dropped", count=left, reason="the collector did not take them before the process ended")


class _CountedExporter(SpanExporter):
    """Logs when the collector begins to refuse spans, and when it accepts them again, instead of a line for each batch."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._reasons, self._logger = _Reasons(), logging.getLogger(type(exporter).__module__)
        self._logger.addFilter(self._reasons)
        self._exporter = exporter
        self.taken = self.taken_bytes = self.failed = 0
        self._lost = 0
        """Spans that were dropped since the collector accepted the last ones."""
        self._ended = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        self.taken_bytes += sum(map(size_of, spans))
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            self._reasons.last, result = type(error).__name__, SpanExportResult.FAILURE
        self._count(len(spans), accepted=result is SpanExportResult.SUCCESS)
        return result

    def _count(self, spans: int, *, accepted: bool) -> None:
        if accepted and self._lost:
            logger.info("trace_export_resumed", dropped=self._lost)
            self._lost = 0
        elif not accepted:
            if not self._lost:
                logger.warning(
                    "trace_export_failed", reason=self._reasons.last, effect="spans are dropped until the collector accepts them"
                )
            self.failed += spans
            self._lost += spans

    def shutdown(self) -> None:
        if not self._ended:
            self._ended = True
            self._exporter.shutdown()
            self._logger.removeFilter(self._reasons)


class _Reasons(logging.Filter):
    """Keeps what the exporter of the SDK would log for each attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.last = "the exporter failed"

    def filter(self, record: logging.LogRecord) -> bool:
        self.last = record.getMessage()[:MAX_REASON]
        return False


class UnitSpans(SpanProcessor):
    """Queues the spans of sampled traces when they end, and the others when their unit has failed. Implements `UnitExport`."""

    def __init__(self, queue: SpanQueue, sampler: MessageSampler) -> None:
        self._queue = queue
        self.decide = sampler.decide
        self._units: OrderedDict[str, list[ReadableSpan]] = OrderedDict()
        self._failed: OrderedDict[str, None] = OrderedDict()
        self._kept = self._kept_bytes = 0
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

    def finish(self, unit: str, failed: bool) -> bool:
        with self._lock:
            failed = unit in self._failed or failed
            self._failed.pop(unit, None)
            spans = self._units.pop(unit, [])
            self._forget(spans)
        for span in spans if failed else ():
            self._queue.add(as_sampled(span))
        return failed

    def fail(self, unit: str) -> None:
        with self._lock:
            self._failed[unit] = None
            if len(self._failed) > MAX_FAILED:
                self._failed.popitem(last=False)

    def _keep(self, unit: str, span: ReadableSpan) -> None:
        with self._lock:
            spans = self._units.setdefault(unit, [])
            if len(spans) >= MAX_KEPT_OF_UNIT:
                self._forget([spans.pop(0)])  # the failure, and the unit's own span, end last
            spans.append(span)
            self._kept += 1
            self._kept_bytes += size_of(span)
            while self._kept > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
                self._forget(self._units.popitem(last=False)[1])

    def _forget(self, spans: Sequence[ReadableSpan]) -> None:
        self._kept -= len(spans)
        self._kept_bytes -= sum(map(size_of, spans))


def size_of(span: ReadableSpan) -> int:
    """Estimate the bytes of a span: the texts of its attributes and events, and a constant for the rest."""
    parts = [span.attributes or {}, *(event.attributes or {} for event in span.events)]
    return _SPAN_BYTES + sum(len(value) for part in parts for value in part.values() if isinstance(value, str | tuple))


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
