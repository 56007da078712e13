"""Configurations that cannot work are refused when they are made, by name."""

from collections.abc import Callable
from typing import Any

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.resilience.patterns import BulkheadConfig, CircuitBreakerConfig, RetryConfig, Timeout


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: CircuitBreakerConfig(failure_rate=0), "CircuitBreakerConfig.failure_rate: .*0"),
        (lambda: CircuitBreakerConfig(failure_rate=50), "failure_rate: .*50"),
        (lambda: CircuitBreakerConfig(slow_rate=float("nan")), "slow_rate"),
        (lambda: CircuitBreakerConfig(window_size=0), "window_size"),
        (lambda: CircuitBreakerConfig(window_size=float("inf")), "window_size"),
        (lambda: CircuitBreakerConfig(window="count", window_size=2.5, minimum_calls=1), "window_size"),
        (lambda: CircuitBreakerConfig(window="count", window_size=5, minimum_calls=6), "minimum_calls"),
        (lambda: CircuitBreakerConfig(window="minutes"), "window"),  # type: ignore[arg-type]
        (lambda: CircuitBreakerConfig(minimum_calls=0), "minimum_calls"),
        (lambda: CircuitBreakerConfig(probes=0), "probes"),
        (lambda: CircuitBreakerConfig(open_seconds=-1), "open_seconds"),
        (lambda: CircuitBreakerConfig(slow_seconds=0), "slow_seconds"),
        (lambda: CircuitBreakerConfig(failures=()), "failures"),
        (lambda: RetryConfig(attempts=0), "RetryConfig.attempts"),
        (lambda: RetryConfig(total_seconds=0), "total_seconds"),
        (lambda: RetryConfig(pause=0), "pause"),
        (lambda: RetryConfig(pause=2, longest_pause=1), "longest_pause"),
        (lambda: RetryConfig(budget=1.5), "budget"),
        (lambda: RetryConfig(budget_reserve=0), "budget_reserve"),
        (lambda: RetryConfig(on=()), "on"),
        (lambda: BulkheadConfig(concurrent=0), "BulkheadConfig.concurrent"),
        (lambda: BulkheadConfig(queued=-1), "queued"),
        (lambda: BulkheadConfig(queue_seconds=0), "queue_seconds"),
        (lambda: Timeout(0), "Timeout.seconds"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], Any], names: str) -> None:
    with pytest.raises(ConfigurationError, match=names):
        make()
