"""Configurations that cannot work are refused when they are made, by name."""

from collections.abc import Callable
from typing import Any

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreakerConfig
from api_base.infrastructure.resilience.patterns import BulkheadConfig, Timeout
from api_base.infrastructure.resilience.retry import RetryConfig


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: CircuitBreakerConfig(failure_rate=0), "CircuitBreakerConfig.failure_rate .*, not 0$"),
        (lambda: CircuitBreakerConfig(failure_rate=50), "CircuitBreakerConfig.failure_rate .*, not 50$"),
        (lambda: CircuitBreakerConfig(slow_rate=float("nan")), "slow_rate"),
        (lambda: CircuitBreakerConfig(window_seconds=0), "window_seconds"),
        (lambda: CircuitBreakerConfig(window_seconds=float("inf")), "window_seconds"),
        (lambda: CircuitBreakerConfig(minimum_calls=0), "minimum_calls"),
        (lambda: CircuitBreakerConfig(probes=0), "probes"),
        (lambda: CircuitBreakerConfig(open_seconds=-1), "open_seconds"),
        (lambda: CircuitBreakerConfig(slow_seconds=0), "slow_seconds"),
        (lambda: CircuitBreakerConfig(failures=()), "failures"),
        (lambda: RetryConfig(attempts=0), "RetryConfig.attempts"),
        (lambda: RetryConfig(total_seconds=0), "total_seconds"),
        (lambda: RetryConfig(first_delay=0), "first_delay"),
        (lambda: RetryConfig(first_delay=2, max_delay=1), "max_delay"),
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
    whole = names if "." in names else rf"\.{names} must"
    with pytest.raises(ConfigurationError, match=whole):
        make()
