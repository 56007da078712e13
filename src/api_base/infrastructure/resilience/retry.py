"""Retries calls that failed, if the caller declares them idempotent.

stamina runs the attempts; this module decides whether and when: exponential backoff with full jitter [AWS Architecture Blog,
"Exponential Backoff And Jitter"], limited in number, time and budget, and never earlier than the dependency asked for.
"""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api_base.core.errors import Unavailable
from api_base.infrastructure.resilience.errors import FAILURES, Refused, require


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """At most `attempts`, none of which begins later than `total_seconds` after the first one did.

    Before retry n up to `first_delay · 2ⁿ⁻¹` seconds pass, at most `max_delay`. `budget` is the ratio of retries to calls that a
    process may make over time, `budget_reserve` how many it may make beyond it. `on` are the errors that are retried.
    """

    attempts: int = 3
    total_seconds: float = 20.0
    first_delay: float = 0.1
    max_delay: float = 5.0
    budget: float = 0.2
    budget_reserve: int = 10
    on: tuple[type[Exception], ...] = FAILURES

    def __post_init__(self) -> None:
        require(self.attempts >= 1, self, "attempts", "must be at least 1")
        require(self.total_seconds > 0, self, "total_seconds", "must be above 0 seconds")
        require(self.first_delay > 0, self, "first_delay", "must be above 0 seconds")
        require(self.max_delay >= self.first_delay, self, "max_delay", "must not be below first_delay")
        require(0 <= self.budget <= 1, self, "budget", "must be from 0 to 1")
        require(self.budget_reserve >= 1, self, "budget_reserve", "must be at least 1: otherwise nothing is retried")
        require(bool(self.on), self, "on", "must name an error (attempts=1 turns retries off)")


class RetryBudget:
    """Retries as a share of calls [gRPC A6, "retry throttling"]: while everything fails, retries do not multiply the load.

    Each call deposits `share`, up to a balance of `reserve`, which is also the first balance; each retry withdraws one. So any period
    with n calls has at most `reserve + share · n` retries.
    """

    def __init__(self, share: float, reserve: int) -> None:
        self._share, self._reserve = share, float(reserve)
        self._balance = self._reserve

    def deposit(self) -> None:
        self._balance = min(self._reserve, self._balance + self._share)

    def withdraw(self) -> bool:
        """Whether one more retry is allowed; if so, it is paid for."""
        if self._balance < 1:
            return False
        self._balance -= 1
        return True


class Retry[T]:
    """For one dependency, `name`. `now` returns seconds of a monotonic clock; `uniform` is evenly distributed over [0, 1)."""

    def __init__(
        self,
        config: RetryConfig,
        *,
        name: str = "dependency",
        now: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        import stamina  # with the first policy: a process without outbound calls does not load it

        self.config, self.name = config, name
        self._run, self._now, self._uniform = stamina.retry, now, uniform
        self._budget = RetryBudget(config.budget, config.budget_reserve)
        self.retries = 0

    async def execute(self, func: Callable[[], Awaitable[T]], *, idempotent: bool = False) -> T:
        """What `func` returns, or its last error. It is called once unless it is declared `idempotent`: a call whose answer was
        lost may have taken effect."""
        self._budget.deposit()
        if not idempotent:
            return await func()

        async def attempt() -> T:
            return await func()

        attempt.__qualname__ = self.name  # under which stamina logs it
        return await self._run(on=self._hook(), attempts=self.config.attempts, timeout=None)(attempt)()

    def _hook(self) -> Callable[[Exception], bool | float]:
        """What stamina calls after each error: False to stop, or the seconds to wait. stamina always uses the machine's clock, so
        this function limits the time."""
        latest = self._now() + self.config.total_seconds
        made = 1

        def decide(error: Exception) -> bool | float:
            nonlocal made
            if made == self.config.attempts or isinstance(error, Refused) or not isinstance(error, self.config.on):
                return False
            delay = self._delay(made, error)
            if self._now() + delay > latest or not self._budget.withdraw():
                return False
            made += 1
            self.retries += 1
            return delay

        return decide

    def _delay(self, made: int, error: Exception) -> float:
        """Random also beyond what the dependency asked for: otherwise all its callers would retry at the same moment."""
        asked = error.retry_after if isinstance(error, Unavailable) else 0.0
        return asked + self._uniform() * min(self.config.max_delay, self.config.first_delay * 2.0 ** (made - 1))
