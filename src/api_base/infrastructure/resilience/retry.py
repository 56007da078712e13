"""What may succeed when tried again is tried again, if the caller declares that repeating it does no harm.

stamina runs the attempts; when and whether is decided here: exponential backoff with full jitter [AWS Architecture Blog,
"Exponential Backoff And Jitter"], bounded in number, time and share, and never sooner than the dependency asked for.
"""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api_base.core.errors import Unavailable
from api_base.infrastructure.resilience.checks import require
from api_base.infrastructure.resilience.errors import FAILURES, Refused
from api_base.infrastructure.resilience.retry_budget import RetryBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """At most `attempts`, none of which begins later than `total_seconds` after the first one did.

    Before retry n up to `pause · 2ⁿ⁻¹` seconds pass, at most `longest_pause`. `budget` is the share of retries to calls that a
    process may make over time, `budget_reserve` how many it may make beyond it. `on` are the errors that are worth a retry.
    """

    attempts: int = 3
    total_seconds: float = 20.0
    pause: float = 0.1
    longest_pause: float = 5.0
    budget: float = 0.2
    budget_reserve: int = 10
    on: tuple[type[Exception], ...] = FAILURES

    def __post_init__(self) -> None:
        require(self.attempts >= 1, self, "attempts", "must be at least 1")
        require(self.total_seconds > 0, self, "total_seconds", "must be above 0 seconds")
        require(self.pause > 0, self, "pause", "must be above 0 seconds")
        require(self.longest_pause >= self.pause, self, "longest_pause", "must not be below pause")
        require(0 <= self.budget <= 1, self, "budget", "must be from 0 to 1")
        require(self.budget_reserve >= 1, self, "budget_reserve", "must be at least 1: there would never be a retry")
        require(bool(self.on), self, "on", "must name an error; attempts=1 retries nothing")


class Retry[T]:
    """For one dependency, `name`. `now` tells seconds, monotonic; `uniform` is evenly spread over [0, 1)."""

    def __init__(
        self,
        config: RetryConfig,
        *,
        name: str = "dependency",
        now: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        import stamina  # with the first policy: processes that call nothing outside do without

        self.config, self.name = config, name
        self._run, self._now, self._uniform = stamina.retry, now, uniform
        self._budget = RetryBudget(config.budget, config.budget_reserve)
        self.retries = 0

    async def execute(self, func: Callable[[], Awaitable[T]], *, idempotent: bool = False) -> T:
        """What `func` answers, or the last error. It is called once unless it is declared `idempotent`: a call whose answer was
        lost may have taken effect."""
        self._budget.call()
        if not idempotent:
            return await func()

        async def attempt() -> T:
            return await func()

        attempt.__qualname__ = self.name  # under which stamina logs it
        return await self._run(on=self._hook(), attempts=self.config.attempts, timeout=None)(attempt)()

    def _hook(self) -> Callable[[Exception], bool | float]:
        """What stamina asks after each error of one call: no more, or seconds to wait. It knows no clock but the machine's, so
        time is bounded here."""
        latest = self._now() + self.config.total_seconds
        made = 1

        def decide(error: Exception) -> bool | float:
            nonlocal made
            if made == self.config.attempts or isinstance(error, Refused) or not isinstance(error, self.config.on):
                return False
            pause = self._pause(made, error)
            if self._now() + pause > latest or not self._budget.take():
                return False
            made += 1
            self.retries += 1
            return pause

        return decide

    def _pause(self, made: int, error: Exception) -> float:
        """Spread beyond what the dependency asked for, too: all who were told the same would come back together."""
        asked = error.retry_after if isinstance(error, Unavailable) else 0.0
        return asked + self._uniform() * min(self.config.longest_pause, self.config.pause * 2.0 ** (made - 1))
