"""Logs, metrics and traces, built from the settings."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import SecretStr

from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import Caches, DependencyFigures
from api_base.infrastructure.observability.access_log import AccessLog
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.observability.recorder import BatchingRecorder

if TYPE_CHECKING:
    from api_base.infrastructure.observability.exposition import MergedMetrics
    from api_base.infrastructure.observability.telemetry.spans import Telemetry

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
_VALUE: Final = re.compile(r"[\x20-\x7e]+").fullmatch


class PoolFigures(Protocol):
    """Connections of a pool: `open` and `idle` ones, and requests that wait for one."""

    @property
    def open(self) -> int: ...

    @property
    def idle(self) -> int: ...

    @property
    def waiting(self) -> int: ...


type Pool = Callable[[], PoolFigures]
type Dependencies = Callable[[], Iterable[DependencyFigures]]


def metrics(settings: Settings, own: Counters) -> "MergedMetrics":
    """The metrics of all processes that share the configured directory."""
    from api_base.infrastructure.observability.exposition import MergedMetrics

    return MergedMetrics(own, settings.observability.metrics_dir)


def telemetry(settings: Settings) -> "Telemetry | None":
    """The OpenTelemetry SDK; None without an endpoint."""
    endpoint = settings.observability.otlp_endpoint
    if endpoint is None:
        return None
    from api_base.infrastructure.observability.telemetry.spans import start

    observability = settings.observability
    return start(
        service=settings.app_name,
        environment=settings.environment,
        endpoint=endpoint,
        sample_ratio=observability.trace_sample_ratio,
        callers_per_second=observability.trace_callers_per_second,
        headers=_headers(observability.otlp_headers),
    )


def _headers(text: SecretStr | None) -> Mapping[str, str] | None:
    if text is None:
        return None
    pairs = [one.partition("=") for one in text.get_secret_value().split(",")]
    if not all(_HEADER(name.strip()) and separator and _VALUE(value.strip()) for name, separator, value in pairs):
        raise ConfigurationError("OBSERVABILITY__OTLP_HEADERS: must be name=value, several separated by commas.")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def recorder(
    settings: Settings, own: Counters, spans: "Telemetry | None", pool: Pool, dependencies: Dependencies, caches: Caches
) -> BatchingRecorder:
    """The recorder of a server: counters, the access log unless it is switched off, and spans if there is an endpoint."""
    log = (AccessLog(sys.stdout, json=json_logs(settings)),) if settings.observability.access_log else ()
    traced = () if spans is None else (spans.requests,)
    return BatchingRecorder(own, (*log, *traced), lambda: _gauges(pool(), spans, caches), dependencies)


def worker_recorder(own: Counters, spans: "Telemetry | None", pool: Pool, dependencies: Dependencies, caches: Caches) -> BatchingRecorder:
    """The recorder of a worker, which answers no requests: gauges and dependencies alone."""
    return BatchingRecorder(own, (), lambda: _gauges(pool(), spans, caches), dependencies)


def json_logs(settings: Settings) -> bool:
    """Whether log lines are JSON: as configured, or in production with `auto`."""
    chosen = settings.observability.log_format
    return chosen == "json" or (chosen == "auto" and settings.environment == "production")


def _gauges(figures: PoolFigures, spans: "Telemetry | None", caches: Caches) -> Mapping[str, float]:
    cache = caches.totals()
    exported = {} if spans is None else {"trace_spans_dropped_total": spans.queue.dropped}
    return exported | {
        "database_pool_connections_open": figures.open,
        "database_pool_connections_idle": figures.idle,
        "database_pool_requests_waiting": figures.waiting,
        "cache_hits_total": cache.hits,
        "cache_misses_total": cache.misses,
    }
