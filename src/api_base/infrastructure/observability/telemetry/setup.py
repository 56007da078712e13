"""Set up the OpenTelemetry SDK. Its tracer makes the spans of `@traced` and of messages, `RequestSpans` those of requests, for one exporter."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.observability.telemetry.request_spans import RequestSpans


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """`requests` is a sink for the recorder. `close` sends the remaining spans."""

    requests: RequestSpans
    provider: TracerProvider

    def close(self) -> None:
        self.provider.shutdown()


def start(*, service: str, environment: str, endpoint: str, sample_ratio: float) -> Telemetry:
    """Send spans to an OTLP/HTTP `endpoint`; a URL without a path gets `/v1/traces`. Call it once in each process."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError("OBSERVABILITY__OTLP_ENDPOINT: must be an http or https URL, such as http://127.0.0.1:4318")
    url = endpoint if parts.path not in ("", "/") else f"{endpoint.rstrip('/')}/v1/traces"
    telemetry = start_with(OTLPSpanExporter(endpoint=url), service=service, environment=environment, sample_ratio=sample_ratio)
    trace.set_tracer_provider(telemetry.provider)
    return telemetry


def start_with(exporter: SpanExporter, *, service: str, environment: str, sample_ratio: float) -> Telemetry:
    """Send spans to `exporter`, without setting the process's global tracer provider."""
    resource = Resource.create({"service.name": service, "deployment.environment.name": environment, "process.pid": os.getpid()})
    provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_ratio)), shutdown_on_exit=False)
    processor = BatchSpanProcessor(exporter)
    provider.add_span_processor(processor)
    return Telemetry(requests=RequestSpans(processor, resource), provider=provider)
