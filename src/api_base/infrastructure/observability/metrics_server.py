"""`/metrics` on a port of its own, for networks where scrapers may reach what clients may not."""

from collections.abc import Callable

from prometheus_client import start_http_server

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.observability.exposition import MergedMetrics


def serve_metrics(metrics: MergedMetrics, host: str, port: int) -> Callable[[], None]:
    """Serve in a thread; the result stops it. Raises `ConfigurationError` where the port cannot be had."""
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics)
    except OSError as error:
        raise ConfigurationError(
            f"OBSERVABILITY__METRICS_PORT: cannot listen on {host}:{port}: {error.strerror}. Choose another."
        ) from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
