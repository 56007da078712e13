"""All patterns around one dependency, from the outside inwards: bulkhead, retry, breaker, timeout. That is the order of .NET's
standard pipeline on Polly [learn.microsoft.com/dotnet/core/resilience/http-resilience, "standard resilience handler"].

- The timeout is innermost: it bounds an attempt, so a dependency that hangs is a failure that the breaker and the retry see.
- The breaker is inside the retry: it counts every attempt, and once it opens, the retries under way end.
- The bulkhead is outermost: who waits for the next attempt still holds a place, so all callers that a sick dependency keeps are
  bounded, and time in the queue is nobody's slowness. (resilience4j has it innermost: there, those who wait to retry are not.)
"""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from api_base.core.protocols import DependencyFigures
from api_base.infrastructure.resilience.bulkhead import Bulkhead, BulkheadConfig
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreaker, CircuitBreakerConfig, StateChange
from api_base.infrastructure.resilience.retry import Retry, RetryConfig
from api_base.infrastructure.resilience.timeout import Timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """`timeout` is in seconds, for an attempt.

    So a call takes at most `bulkhead.queue_seconds + retry.total_seconds + timeout`.
    """

    bulkhead: BulkheadConfig = field(default_factory=BulkheadConfig)
    retry: RetryConfig = field(default_factory=RetryConfig)
    breaker: CircuitBreakerConfig = field(default_factory=CircuitBreakerConfig)
    timeout: float = 10.0


class Policy:
    """For one dependency, `name`, in one process and event loop; shared by all who call it. Ports as in the patterns."""

    def __init__(
        self,
        name: str,
        config: PolicyConfig,
        *,
        now: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] = random.random,
        observers: Sequence[Callable[[StateChange], None]] = (),
    ) -> None:
        self.name = name
        self._bulkhead = Bulkhead(config.bulkhead, name=name)
        self._retry = Retry[Any](config.retry, name=name, now=now, uniform=uniform)
        self._breaker = CircuitBreaker(config.breaker, name=name, now=now, observers=observers)
        self._timeout = Timeout(config.timeout, name=name)

    async def execute[T](self, func: Callable[[], Awaitable[T]], *, idempotent: bool = False) -> T:
        """What `func` answers or raises; it is called again only if repeating it is declared harmless (`idempotent`).

        Raises `BulkheadFull` or `CircuitOpen` where it was not called, `TimedOut` where it did not answer: all `Unavailable`.
        """

        async def attempt() -> T:
            return await self._breaker.execute(lambda: self._timeout.execute(func))

        async def attempts() -> T:
            result: T = await self._retry.execute(attempt, idempotent=idempotent)
            return result

        return await self._bulkhead.execute(attempts)

    def figures(self) -> DependencyFigures:
        bulkhead, breaker = self._bulkhead, self._breaker
        return DependencyFigures(
            name=self.name,
            state=breaker.state,
            in_flight=bulkhead.in_flight,
            queued=bulkhead.queued,
            calls=breaker.total.calls,
            failures=breaker.total.failures,
            slow=breaker.total.slow,
            refused=bulkhead.refused + breaker.refused,
            retries=self._retry.retries,
            openings=breaker.openings,
        )
