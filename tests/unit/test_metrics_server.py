"""`/metrics` on a port of its own."""

import socket
import urllib.request

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.observability.exposition import MergedMetrics, serve_metrics


def test_the_figures_are_served_until_stopped_and_a_taken_port_is_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.listen()
        with pytest.raises(ConfigurationError, match=f"METRICS_PORT.*{port}"):
            serve_metrics(MergedMetrics(Counters()), "127.0.0.1", port)
    stop = serve_metrics(MergedMetrics(Counters()), "127.0.0.1", port)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"http_requests_in_progress 0.0" in answer.read()
    finally:
        stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
