"""`/metrics` on a separate port, for networks where scrapers may reach ports that clients may not."""

from collections.abc import Callable

from prometheus_client import start_http_server

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.observability.exposition import MergedMetrics


def serve_metrics(metrics: MergedMetrics, host: str, port: int) -> Callable[[], None]:
    """Serve in a thread. Returns a function that stops it. Raises `ConfigurationError` if the port cannot be used."""
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics)
    except OSError as error:
        raise ConfigurationError(
            f"OBSERVABILITY__METRICS_PORT: cannot listen on {host}:{port}: {error.strerror}. Choose another port."
        ) from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
