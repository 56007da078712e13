"""Traces through the OpenTelemetry SDK. Imported only if OBSERVABILITY__OTLP_ENDPOINT is set, because the SDK costs memory and start-up time."""
