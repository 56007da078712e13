"""The policies of outbound calls, built from the settings."""

from api_base.core.config import Settings
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreakerConfig
from api_base.infrastructure.resilience.limits import BulkheadConfig
from api_base.infrastructure.resilience.policy import PolicyConfig, PolicyRegistry
from api_base.infrastructure.resilience.retry import RetryConfig


def policies(settings: Settings) -> PolicyRegistry:
    """One configuration for every dependency."""
    resilience = settings.resilience
    config = PolicyConfig(
        bulkhead=BulkheadConfig(concurrent=resilience.concurrency, queued=resilience.queue_size),
        retry=RetryConfig(attempts=resilience.attempts),
        breaker=CircuitBreakerConfig(
            window_seconds=resilience.window_seconds,
            minimum_calls=resilience.minimum_calls,
            failure_rate=resilience.failure_rate,
            slow_seconds=resilience.slow_seconds,
            slow_rate=resilience.slow_rate,
            open_seconds=resilience.open_seconds,
        ),
        timeout=resilience.timeout_seconds,
    )
    return PolicyRegistry(config)
