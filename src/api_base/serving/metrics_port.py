"""`/metrics` on a port of its own, of the processes that count in one directory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from api_base.core.config import Settings
from api_base.serving.run_directory import run_directory


def serve_metrics_on(port: int | None, host: str, directory: Path) -> Callable[[], None]:
    """Serve the figures of `directory` on `port`, if there is one. The result stops it. Raises `ConfigurationError` for a port that is taken."""
    if port is None:
        return lambda: None
    from api_base.infrastructure.observability.counters import Counters
    from api_base.infrastructure.observability.exposition import MergedMetrics, serve_metrics

    return serve_metrics(MergedMetrics(Counters(), directory), host, port)


@contextmanager
def counting(settings: Settings, port: int | None) -> Iterator[Settings]:
    """Return the settings of a process that runs without a supervisor, whose figures are served on `port` for as long as the block, if there is one."""
    if port is None:
        yield settings
        return
    with run_directory() as directory:
        counted = settings.observability.metrics_dir or directory
        stop = serve_metrics_on(port, settings.server.host, counted)
        try:
            yield settings.model_copy(update={"observability": settings.observability.model_copy(update={"metrics_dir": counted})})
        finally:
            stop()
