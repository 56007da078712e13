"""Spans for OpenTelemetry: its tracer makes those of `@traced` and of messages, `RequestSpans` those of requests, for one exporter.

Names and attributes follow OpenTelemetry's semantic conventions for HTTP servers.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, Status, StatusCode, TraceFlags

from api_base.core.errors import ConfigurationError
from api_base.core.shared.trace_units import export_units
from api_base.core.shared.tracing import remote
from api_base.infrastructure.observability.recorder import RequestRecord
from api_base.infrastructure.observability.telemetry.sampler import MessageSampler, RecordingSampler
from api_base.infrastructure.observability.telemetry.unit_spans import SAMPLED, SpanQueue, UnitSpans

EXPORT_TIMEOUT: Final = 5.0
"""Seconds for one request to the collector, with its retries."""
_SCOPE: Final = InstrumentationScope("api_base")
_LIMITS: Final = SpanLimits(
    max_attributes=64,
    max_events=16,
    max_links=32,
    max_event_attributes=16,
    max_link_attributes=8,
    max_attribute_length=4096,
    max_span_attribute_length=1024,
)
"""A span is bounded, whatever code of a context records."""


class RequestSpans:
    """Server spans of requests, built from their records in batches, off the response path. A request that is answered with 5xx has failed.

    Implements `Sink` of the recorder.
    """

    def __init__(self, queue: SpanQueue, units: UnitSpans, resource: Resource) -> None:
        self._queue, self._units, self._resource = queue, units, resource

    def write(self, records: Sequence[RequestRecord]) -> None:
        for record in records:
            failed = self._units.finish(record.context.span_id, record.status >= 500)
            if failed or record.context.trace_flags & TraceFlags.SAMPLED:
                self._queue.add(self._span(record))

    def _span(self, record: RequestRecord) -> ReadableSpan:
        context, started = record.context, int(record.started_at * 1e9)
        parent = context.parent_span_id
        return ReadableSpan(
            name=f"{record.method} {record.route}",
            context=remote(context.trace_id, context.span_id, SAMPLED, context.tracestate, is_remote=False),
            parent=remote(context.trace_id, parent, SAMPLED, context.tracestate) if parent else None,
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
    if record.status >= 500:
        attributes["error.type"] = str(record.status)
    principal = record.context.principal
    if principal is not None:
        attributes["enduser.id"] = str(principal.user_id)
        if principal.tenant_id is not None:
            attributes["tenant.id"] = str(principal.tenant_id)
    return attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """`requests` is a sink for the recorder. `close` sends the remaining spans, in bounded time."""

    requests: RequestSpans
    units: UnitSpans
    provider: TracerProvider
    queue: SpanQueue

    def close(self) -> None:
        self.queue.close()
        self.provider.shutdown()


def start(
    *,
    service: str,
    environment: str,
    endpoint: str,
    sample_ratio: float,
    callers_per_second: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Telemetry:
    """Send spans to an OTLP/HTTP `endpoint`, with `headers`; a URL without a path gets `/v1/traces`. Call it once in each process.

    `callers_per_second` is the number of messages whose senders decide about them, see `MessageSampler`.
    """
    telemetry = start_with(
        exporter_to(endpoint, headers),
        service=service,
        environment=environment,
        sample_ratio=sample_ratio,
        callers_per_second=callers_per_second,
    )
    trace.set_tracer_provider(telemetry.provider)
    export_units(telemetry.units)
    return telemetry


def exporter_to(endpoint: str, headers: Mapping[str, str] | None = None) -> SpanExporter:
    """Return the exporter for OTLP/HTTP. Raises `ConfigurationError` for an endpoint that is no URL."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError("OBSERVABILITY__OTLP_ENDPOINT: must be an http or https URL, such as http://127.0.0.1:4318")
    url = endpoint if parts.path not in ("", "/") else f"{endpoint.rstrip('/')}/v1/traces"
    return OTLPSpanExporter(endpoint=url, headers=headers, timeout=EXPORT_TIMEOUT)


def start_with(
    exporter: SpanExporter, *, service: str, environment: str, sample_ratio: float, callers_per_second: float = 0.0
) -> Telemetry:
    """Send spans to `exporter`, without setting the process's global tracer provider."""
    resource = Resource.create({"service.name": service, "deployment.environment.name": environment, "process.pid": os.getpid()})
    sampler = RecordingSampler(sample_ratio)
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False, span_limits=_LIMITS)
    queue = SpanQueue(exporter)
    units = UnitSpans(queue, MessageSampler(sample_ratio, callers_per_second))
    provider.add_span_processor(units)
    return Telemetry(requests=RequestSpans(queue, units, resource), units=units, provider=provider, queue=queue)
