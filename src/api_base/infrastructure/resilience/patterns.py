"""The patterns, and `Policy`, which composes them for one dependency. See docs/resilience.md."""

from api_base.infrastructure.resilience.circuit_breaker import CircuitBreaker, CircuitBreakerConfig, StateChange
from api_base.infrastructure.resilience.errors import BulkheadFull, CircuitOpen, Refused, TimedOut
from api_base.infrastructure.resilience.limits import Bulkhead, BulkheadConfig, Timeout
from api_base.infrastructure.resilience.policy import CircuitHealthCheck, Policy, PolicyConfig, PolicyRegistry
from api_base.infrastructure.resilience.retry import Retry, RetryConfig

__all__ = [
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadFull",
    "CircuitBreaker",
    "CircuitBreakerConfig",
    "CircuitHealthCheck",
    "CircuitOpen",
    "Policy",
    "PolicyConfig",
    "PolicyRegistry",
    "Refused",
    "Retry",
    "RetryConfig",
    "StateChange",
    "TimedOut",
    "Timeout",
]
