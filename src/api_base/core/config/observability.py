"""Settings of logs, metrics and traces."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from api_base.core.config.values import Section, baggage_key


class ObservabilitySettings(Section):
    """Variables `OBSERVABILITY__…`."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto`: JSON in production, readable in development."""
    access_log: bool = True
    """Whether each request is logged, as one line."""
    metrics_port: int | None = Field(None, ge=1, le=65535)
    """Separate port for `/metrics`. Default: the server's port."""
    metrics_token: SecretStr | None = Field(None, min_length=16)
    """Bearer token that `/metrics` on the server's port requires. Production serves `/metrics` only with a token or on a separate port."""
    metrics_dir: Path | None = None
    """Directory where server processes share their counters, so that each can report the total. `serve` creates one."""
    trace_sample_ratio: float = Field(0.0, ge=0, le=1)
    """Fraction of the requests without a `traceparent` that are traced. The spans of a request, delivery or job that fails are always exported."""
    trace_callers_per_second: float = Field(10.0, ge=0, le=10_000)
    """Requests per second and process, and as many messages of WebSockets and MCP clients, that callers may mark for tracing by the flag of their `traceparent`; above it the ratio decides. The flag that a trusted proxy sends with a request is always used."""
    baggage_keys: tuple[Annotated[str, AfterValidator(baggage_key)], ...] = Field((), max_length=32)
    """Keys of callers' `baggage` [W3C Baggage] that are passed on: to jobs, events, brokers and other services. The others are dropped."""
    otlp_endpoint: str | None = None
    """OTLP/HTTP endpoint for spans; requires the extra `otlp`."""
    otlp_headers: SecretStr | None = None
    """Headers for the OTLP/HTTP endpoint, such as credentials: `name=value`, several separated by commas."""
