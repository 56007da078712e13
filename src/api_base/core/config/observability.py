"""Settings of logs, metrics and traces."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from api_base.core.config.values import Section


class ObservabilitySettings(Section):
    """Variables `OBSERVABILITY__…`."""

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe level that is logged.")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="`auto`: JSON in production, readable in development.")
    access_log: bool = Field(True, description="Whether each request is logged, as one line.")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="Separate port for `/metrics`. Default: the server's port.")
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token that `/metrics` on the server's port requires. Production serves `/metrics` only with a token or on a separate port.",
    )
    metrics_dir: Path | None = Field(
        None, description="Directory where server processes share their counters, so that each can report the total. `serve` creates one."
    )
    trace_sample_ratio: float = Field(0.0, ge=0, le=1, description="Fraction of the requests without a `traceparent` that are traced.")
    otlp_endpoint: str | None = Field(None, description="OTLP/HTTP endpoint for spans; requires the extra `otlp`.")
