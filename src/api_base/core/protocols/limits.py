"""Rate limits: what a route or a message declares, and what a limiter charges and decides."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol

from api_base.core.errors import ConfigurationError, ProgrammingError, ReducedCapacity, TooManyRequests
from api_base.core.shared.addresses import limit_key
from api_base.core.types import Principal

type Partition = Literal["address", "principal", "tenant", "route"]

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """`quota` per `window` seconds, of which `burst` in a row. Raises `ProgrammingError` unless each is above 0."""

    quota: float
    window: float
    burst: int
    interval: float = field(init=False)
    """Seconds in which one comes back."""
    depth: float = field(init=False)
    """Seconds in which the whole burst comes back."""
    untouched: "RateState" = field(init=False)
    """The state after the first charge of 1."""

    def __post_init__(self) -> None:
        if min(self.quota, self.window, self.burst) <= 0:
            raise ProgrammingError(f"quota, window and burst of a limit must be above 0, not {self.quota}, {self.window} and {self.burst}.")
        object.__setattr__(self, "interval", self.window / self.quota)
        object.__setattr__(self, "depth", self.interval * self.burst)
        object.__setattr__(self, "untouched", RateState(True, self.burst - 1, self.interval, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A policy of routes or messages: `quota` per `window` seconds, of which `burst` in a row.

    It counts by the address of the client, by principal, by tenant, or by tenant for each route or message that declares it.
    `name` appears in the `RateLimit-Policy` header; what declares the same limit shares its counts. A request costs `cost`. `plans` holds
    quota and burst for the plans of tenants that have others. A request without a principal or tenant counts by its address.

    Raises `ProgrammingError` for a declaration that cannot be meant.
    """

    name: str
    quota: int
    window: int
    burst: int
    by: Partition = "address"
    cost: int = 1
    plans: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    rate: Rate = field(init=False, repr=False, compare=False)
    by_plan: Mapping[str | None, Rate] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ProgrammingError(f"The name of a limit must be at most 32 of a-z, 0-9 and - that begin with a letter, not {self.name!r}.")
        try:
            object.__setattr__(self, "rate", Rate(self.quota, self.window, self.burst))
            rates = {plan: Rate(quota, self.window, burst) for plan, (quota, burst) in self.plans.items()}
        except ProgrammingError as error:
            raise ProgrammingError(f"The limit {self.name!r}: {error}") from None
        object.__setattr__(self, "by_plan", rates)
        if not 1 <= self.cost <= min(rate.burst for rate in (self.rate, *rates.values())):
            raise ProgrammingError(
                f"The limit {self.name!r} must cost at least 1 and at most its burst, not {self.cost}: no request would pass."
            )
        if self.plans and self.by == "address":
            raise ProgrammingError(f"The limit {self.name!r} counts by address, before the plan is known. Count by tenant.")

    def charge(self, principal: Principal | None, address: str, what: str) -> "Charge":
        """Return the charge of a caller; `what` is the route or message that declares the limit, for those that count by route.

        Each tenant has partitions of its own: none sees or consumes a limit of another, but for those by address.
        """
        if self.by == "address" or principal is None:
            partition = address_partition(address)
        elif self.by == "principal" or principal.tenant_id is None:
            partition = f"principal {principal.user_id} {principal.tenant_id}"
        else:
            partition = f"tenant {principal.tenant_id}"
        if self.by == "route":
            partition = f"route {what} {partition}"
        rate = self.rate if principal is None else self.by_plan.get(principal.plan, self.rate)
        return Charge(partition, self.name, rate, self.cost)


def address_partition(address: str) -> str:
    """Return the partition of a client by its address."""
    return f"address {limit_key(address)}"


def check_limits(limits: Iterable[Limit], plans: Collection[str]) -> None:
    """Raise `ProgrammingError` for two different limits of one name, and `ConfigurationError` for a plan that PLANS does not contain."""
    by_name: dict[str, Limit] = {}
    for limit in limits:
        if by_name.setdefault(limit.name, limit) != limit:
            raise ProgrammingError(
                f"Two limits have the name {limit.name!r}. Rename one of them, or declare the same limit in both places."
            )
        if unknown := sorted(limit.plans.keys() - set(plans)):
            raise ConfigurationError(f"The limit {limit.name!r} has the plan {unknown[0]!r}, which is not in PLANS. Add it there.")


class Charge(NamedTuple):
    """`cost` of `rate`, counted under `policy` in `partition`; a negative cost gives back what was charged.

    A `checked` charge is decided as the others are, and never stored. The charges of one partition are decided together.
    """

    partition: str
    policy: str
    rate: Rate
    cost: int = 1
    checked: bool = False


class RateState(NamedTuple):
    """Whether one charge is allowed; how many more are allowed now; seconds until the whole burst is available again; seconds to wait after a
    refusal."""

    allowed: bool
    remaining: int
    reset: float
    retry_after: float


class RateDecision(NamedTuple):
    """`states` are those of the charges, in their order. `reduced`: a part of each quota decided, because the store could not be used."""

    allowed: bool
    states: Sequence[RateState]
    reduced: bool = False

    def refusal(self, message: str, charges: Sequence[Charge]) -> TooManyRequests:
        """Return the error for refused `charges`: `message`, and how long to wait."""
        wait = max(state.retry_after for state in self.states)
        violated = [charge.policy for charge, state in zip(charges, self.states, strict=True) if not state.allowed]
        error = ReducedCapacity if self.reduced else TooManyRequests
        return error(f"{message} Wait {wait:.1f} s.", retry_after=wait, violated=violated)


class RateLimiter(Protocol):
    """Decides whether something may happen that several policies limit."""

    async def hit(self, charges: Sequence[Charge]) -> RateDecision:
        """Charge everything, or nothing if one of the charges is refused. No two charges have the same partition and policy.

        A hit either charges or gives back.
        """

    async def close(self) -> None:
        """Close what the limiter has opened. The next use opens it again."""


class LimitReport(Protocol):
    """Where the limits of messages are shown to the client."""

    def decided(self, charges: Sequence[Charge], decision: RateDecision) -> None:
        """`charges` of the current request were decided. Without a request that can show them, nothing happens."""
