"""Traces by the OpenTelemetry SDK. Nothing here is imported unless OBSERVABILITY__OTLP_ENDPOINT is set: the SDK costs memory and start."""
