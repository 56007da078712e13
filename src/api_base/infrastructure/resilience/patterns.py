"""The patterns, a file each; `Policy` composes them for one dependency. See docs/resilience.md."""

from api_base.infrastructure.resilience.bulkhead import Bulkhead, BulkheadConfig
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreaker, CircuitBreakerConfig, StateChange
from api_base.infrastructure.resilience.errors import BulkheadFull, CircuitOpen, Refused, TimedOut
from api_base.infrastructure.resilience.policy import Policy, PolicyConfig
from api_base.infrastructure.resilience.retry import Retry, RetryConfig
from api_base.infrastructure.resilience.timeout import Timeout

__all__ = [
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadFull",
    "CircuitBreaker",
    "CircuitBreakerConfig",
    "CircuitOpen",
    "Policy",
    "PolicyConfig",
    "Refused",
    "Retry",
    "RetryConfig",
    "StateChange",
    "TimedOut",
    "Timeout",
]
