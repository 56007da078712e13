"""Server spans of requests, built from their records in batches and passed to the exporter's queue, off the response path.

Names and attributes follow OpenTelemetry's semantic conventions for HTTP servers.
"""

from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from api_base.infrastructure.observability.records import RequestRecord

_SCOPE: Final = InstrumentationScope("api_base")
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class RequestSpans:
    """Implements `Sink` of the recorder."""

    def __init__(self, processor: SpanProcessor, resource: Resource) -> None:
        self._processor, self._resource = processor, resource

    def write(self, records: Sequence[RequestRecord]) -> None:
        for record in records:
            if record.context.trace_flags & TraceFlags.SAMPLED:
                self._processor.on_end(self._span(record))

    def _span(self, record: RequestRecord) -> ReadableSpan:
        context = record.context
        trace_id, started = int(context.trace_id, 16), int(record.started_at * 1e9)
        parent = context.parent_span_id
        return ReadableSpan(
            name=f"{record.method} {record.route}",
            context=SpanContext(trace_id, int(context.span_id, 16), is_remote=False, trace_flags=_SAMPLED),
            parent=SpanContext(trace_id, int(parent, 16), is_remote=True, trace_flags=_SAMPLED) if parent else None,
            resource=self._resource,
            attributes=_attributes(record),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR if record.status >= 500 else StatusCode.UNSET),
            start_time=started,
            end_time=started + int(record.seconds * 1e9),
            instrumentation_scope=_SCOPE,
        )


def _attributes(record: RequestRecord) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "http.request.method": record.method,
        "http.route": record.route,
        "http.response.status_code": record.status,
        "client.address": record.context.address,
        "request.id": record.context.request_id,
    }
    principal = record.context.principal
    if principal is not None:
        attributes["enduser.id"] = str(principal.user_id)
        if principal.tenant_id is not None:
            attributes["tenant.id"] = str(principal.tenant_id)
    return attributes
