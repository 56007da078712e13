"""The patterns around one dependency, from the outside inwards: bulkhead, retry, breaker, timeout; `Policy` composes them.

.NET's standard pipeline on Polly has the same order [learn.microsoft.com/dotnet/core/resilience/http-resilience, "standard resilience
handler"].

- The timeout is innermost: it limits an attempt, so breaker and retry see a dependency that hangs as a failure.
- The breaker is inside the retry: it counts every attempt, and once it opens, the current retries end.
- The bulkhead is outermost: a caller that waits for its next attempt still counts, so the number of all callers that an unhealthy
  dependency delays is limited, and time in the queue does not count as slowness. (In resilience4j it is innermost.)

A slow dependency uses no more than its share of this process: a bulkhead [Nygard, Release It!, 2nd ed., ch. 5] limits the calls in flight
and the waiting calls, and immediately refuses further calls. A timeout limits one attempt.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Final

import anyio

from api_base.core.config import Settings
from api_base.core.errors import Unavailable
from api_base.core.protocols import CircuitState, DependencyFigures, HealthCheck
from api_base.core.shared.logging import get_logger
from api_base.core.shared.trace_units import calling, enabled
from api_base.infrastructure.resilience.circuit_breaker import CircuitBreaker, CircuitBreakerConfig, StateChange
from api_base.infrastructure.resilience.errors import BulkheadFull, TimedOut, require
from api_base.infrastructure.resilience.retry import Retry, RetryConfig

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadConfig:
    """`concurrent` calls run at the same time; `queued` more wait, first come first served, for at most `queue_seconds`."""

    concurrent: int = 20
    queued: int = 100
    queue_seconds: float = 1.0

    def __post_init__(self) -> None:
        require(self.concurrent >= 1, self, "concurrent", "must be at least 1")
        require(self.queued >= 0, self, "queued", "must not be negative")
        require(self.queue_seconds > 0, self, "queue_seconds", "must be above 0 seconds (queued=0 turns waiting off)")


class Bulkhead:
    """For one dependency, `name`, in one process and event loop."""

    def __init__(self, config: BulkheadConfig, *, name: str = "dependency") -> None:
        self.config, self.name = config, name
        self._limiter = anyio.CapacityLimiter(config.concurrent)
        self.queued = self.refused = 0

    @property
    def in_flight(self) -> int:
        return int(self._limiter.borrowed_tokens)

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` returns or raises. Raises `BulkheadFull` without calling it when both limits are reached."""
        borrower = object()  # not the task: a call may contain another one
        await self._enter(borrower)
        try:
            return await func()
        finally:
            self._limiter.release_on_behalf_of(borrower)

    async def _enter(self, borrower: object) -> None:
        try:
            self._limiter.acquire_on_behalf_of_nowait(borrower)
        except anyio.WouldBlock:
            await self._wait(borrower)

    async def _wait(self, borrower: object) -> None:
        if self.queued >= self.config.queued:
            raise self._refusal()
        self.queued += 1
        try:
            with anyio.fail_after(self.config.queue_seconds):
                await self._limiter.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise self._refusal() from None
        finally:
            self.queued -= 1

    def _refusal(self) -> BulkheadFull:
        self.refused += 1
        return BulkheadFull(f"Too many calls to {self.name} are in flight.", retry_after=self.config.queue_seconds)


BUSY: Final = 0.005
"""Seconds by which a timer may be late before the event loop counts as busy."""


class Timeout:
    """Cancels an attempt on the dependency `name` after `seconds`; its adapter must be safe to cancel.

    An event loop that was busy meanwhile is no fault of the dependency: the attempt gets back the time that was lost at the end, at most
    `seconds` each time, and an answer that arrived and was not read yet still counts.
    """

    def __init__(self, seconds: float, *, name: str = "dependency") -> None:
        self.seconds, self.name = seconds, name
        require(seconds > 0, self, "seconds", "must be above 0")

    async def execute[T](self, func: Callable[[], Awaitable[T]]) -> T:
        """What `func` returns or raises. Raises `TimedOut` when it takes longer; a `TimeoutError` of its own passes unchanged."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self.seconds
        timer: asyncio.TimerHandle

        def expire() -> None:
            nonlocal due, timer
            now = loop.time()
            if now > due + BUSY:
                due = now + min(now - due, self.seconds)
                timer = loop.call_at(due, expire)
            else:
                scope.reschedule(now)

        timer = loop.call_at(due, expire)
        try:
            async with asyncio.timeout(None) as scope:
                try:
                    return await func()
                finally:
                    timer.cancel()
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise TimedOut(f"{self.name} did not answer within {self.seconds:g} s.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """`timeout` limits one attempt, in seconds.

    A call takes at most `bulkhead.queue_seconds + retry.total_seconds + timeout`.
    """

    bulkhead: BulkheadConfig = field(default_factory=BulkheadConfig)
    retry: RetryConfig = field(default_factory=RetryConfig)
    breaker: CircuitBreakerConfig = field(default_factory=CircuitBreakerConfig)
    timeout: float = 10.0


class Policy:
    """For one dependency, `name`, in one process and event loop, shared by all its callers. `now` and `uniform` as in `Retry`."""

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
        """What `func` returns or raises; it is retried only if it is declared `idempotent`.

        Raises `BulkheadFull` or `CircuitOpen` when it was not called, `TimedOut` when it did not answer: all are `Unavailable`.
        """

        async def attempt() -> T:
            return await self._breaker.execute(lambda: self._timeout.execute(func))

        async def attempts() -> T:
            result: T = await self._retry.execute(attempt, idempotent=idempotent)
            return result

        if not enabled():
            return await self._bulkhead.execute(attempts)
        with calling(self.name):
            return await self._bulkhead.execute(attempts)

    @property
    def state(self) -> CircuitState:
        """The state of the circuit that the next call will find."""
        return self._breaker.state

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


class CircuitHealthCheck(HealthCheck):
    """Reports the state of a dependency's circuit without calling the dependency.

    It is not required: requests that do not need the dependency are still served, and stopping this process would not repair it.
    """

    required = False

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def name(self) -> str:
        return self._policy.name

    async def check(self) -> None:
        """Raises `Unavailable` until the circuit has closed."""
        state = self._policy.state
        if state is not CircuitState.CLOSED:
            raise Unavailable(f"The circuit is {state.value}.")


class PolicyRegistry:
    """The policies of this process by dependency, all made from one `config`. Each change of a circuit is logged."""

    def __init__(self, config: PolicyConfig) -> None:
        self._config = config
        self._policies: dict[str, Policy] = {}

    def policy(self, name: str) -> Policy:
        """The policy of the dependency `name`, made at the first call."""
        return self._made(name, self._config)

    def dispensable(self, name: str, seconds: float) -> Policy:
        """The policy of a dependency that callers do without when it fails, made at the first call.

        A call takes at most `seconds`, and waits as long before it. After a few failures in a row, or when half of the calls of a second failed,
        the circuit opens; a second later a probe decides whether it closes.
        """
        breaker = replace(
            self._config.breaker, window_seconds=1.0, minimum_calls=5, in_a_row=5, slow_seconds=inf, open_seconds=1.0, probes=1
        )
        bulkhead = replace(self._config.bulkhead, queued=10_000, queue_seconds=seconds)
        return self._made(name, replace(self._config, bulkhead=bulkhead, breaker=breaker, timeout=seconds))

    def _made(self, name: str, config: PolicyConfig) -> Policy:
        found = self._policies.get(name)
        if found is None:
            found = self._policies[name] = Policy(name, config, observers=(_log,))
        return found

    def figures(self) -> Sequence[DependencyFigures]:
        """The present figures of each dependency."""
        return [policy.figures() for policy in self._policies.values()]

    def checks(self) -> Sequence[HealthCheck]:
        """One for each dependency, for readiness."""
        return [CircuitHealthCheck(policy) for policy in self._policies.values()]


def _log(change: StateChange) -> None:
    logger.warning("circuit_changed", dependency=change.name, before=change.before.value, after=change.after.value)


def policies_of(settings: Settings) -> PolicyRegistry:
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
