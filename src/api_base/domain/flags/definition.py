"""What a feature flag is: its variants, and the rules that choose one.

A flag that is on serves the variant of its first rule that matches, otherwise `default_variant`. A flag is off while it is disabled, before
`starts_at`, from `ends_at` on, and where a prerequisite does not serve the variant that it names: it then serves `off_variant`, and without
one the default of the caller.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from api_base.core.base import ValueObject
from api_base.core.errors import Invalid

type FlagValue = bool | str | int | float | Mapping[str, Any]
"""The value of a variant: of the flag's type."""
type Operand = str | int | float | bool
"""A value that a condition compares with."""

USER: Final = "user"
"""The attribute that buckets by default, and the targeting key of OpenFeature."""
TENANT: Final = "tenant"
WHOLE: Final = 10_000
"""The sum of a split's weights, which are hundredths of a percent."""
MAX_CHAIN: Final = 16
"""Flags in a row, each a prerequisite of the one before."""


class FlagType(StrEnum):
    BOOLEAN = "boolean"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    OBJECT = "object"


class Operator(StrEnum):
    """How a condition compares its attribute with its values. No operator holds for an attribute that the context lacks."""

    IN = "in"
    NOT_IN = "not_in"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    CONTAINS = "contains"
    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"
    LESS = "lt"
    LESS_OR_EQUAL = "lte"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(ValueObject):
    """Holds when the attribute compares with one of `values`; `not_in` with none of them. An order compares with one number.

    Attributes are `tenant`, `user`, `plan`, `role`, and those of the evaluation context. Of a list, one element has to match.
    """

    attribute: str
    operator: Operator
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(ValueObject):
    """Matches when all conditions hold. Serves `variant`, or the variant of the caller's bucket in `split`.

    `split` maps variants to weights in hundredths of a percent with the sum `WHOLE`. The bucket is a digest of `salt` (of the flag's key
    without one) and the attribute `bucket_by`; the rule does not match a context without this attribute. A variant whose weight grows
    keeps everybody that it had, as long as no other weight grows.
    """

    conditions: tuple[Condition, ...] = ()
    variant: str | None = None
    split: Mapping[str, int] | None = None
    bucket_by: str = USER
    salt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite(ValueObject):
    """The flag `key` has to be on and to serve `variant` in the same context."""

    key: str
    variant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagDefinition(ValueObject):
    """One flag, as `document.parse` checks it.

    `enabled` is the kill switch. `client`: OFREP shows the flag to callers. `tenants`: for any other tenant, and for callers without one, the
    flag does not exist; empty means that it exists for all. Times are UTC.
    """

    key: str
    type: FlagType
    variants: Mapping[str, FlagValue]
    default_variant: str
    off_variant: str | None = None
    enabled: bool = True
    rules: tuple[Rule, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    client: bool = False
    tenants: tuple[str, ...] = ()


def check_graph(definitions: Iterable[FlagDefinition]) -> None:
    """Check the prerequisites of all flags together.

    Raises `Invalid` at the `/prerequisites` of the flag that the message names: for an unknown flag or variant, for a cycle, which the
    message names, and for more than `MAX_CHAIN` flags in a row.
    """
    flags = {definition.key: definition for definition in definitions}
    for flag in flags.values():
        for index, required in enumerate(flag.prerequisites):
            _check_exists(flag, required, f"/prerequisites/{index}", flags.get(required.key))
    depths: dict[str, int] = {}
    for key in flags:
        _measure(key, flags, depths)


def usable(definitions: Iterable[FlagDefinition]) -> dict[str, FlagDefinition]:
    """Return the flags that `check_graph` accepts together, by key.

    Left out are those that need an unknown flag or variant, a cycle, or a chain of `MAX_CHAIN` flags, directly or through others.
    """
    flags, found = {definition.key: definition for definition in definitions}, dict[str, FlagDefinition]()
    for _ in range(MAX_CHAIN):  # each time, those whose prerequisites have been found
        found |= {
            key: flag
            for key, flag in flags.items()
            if key not in found and all(one.key in found and one.variant in found[one.key].variants for one in flag.prerequisites)
        }
    return found


def _check_exists(flag: FlagDefinition, required: Prerequisite, pointer: str, found: FlagDefinition | None) -> None:
    if found is None:
        raise Invalid.of(f"{pointer}/key", "unknown", f"of the flag {flag.key} names the flag {required.key}, which does not exist")
    if required.variant not in found.variants:
        raise Invalid.of(
            f"{pointer}/variant", "unknown", f"of the flag {flag.key} names {required.variant}, which {found.key} does not have"
        )


def _measure(start: str, flags: Mapping[str, FlagDefinition], depths: dict[str, int]) -> None:
    """Find how many flags stand in a row from each flag that `start` leads to; without recursion, because a chain may have any length."""
    path = {start: iter(flags[start].prerequisites)}
    while path:
        key, remaining = next(reversed(path.items()))
        if key in depths or (required := next(remaining, None)) is None:
            depths.setdefault(key, 1 + max((depths[one.key] for one in flags[key].prerequisites), default=0))
            if depths[key] > MAX_CHAIN:
                raise Invalid.of("/prerequisites", "too_long", f"of the flag {key} make a chain of more than {MAX_CHAIN} flags")
            del path[key]
        elif required.key in path:
            cycle = list(path)[list(path).index(required.key) :]
            raise Invalid.of("/prerequisites", "cycle", f"of the flag {key} make a cycle: {_shown([*cycle, required.key])}")
        else:
            path[required.key] = iter(flags[required.key].prerequisites)


def _shown(cycle: list[str]) -> str:
    if len(cycle) > MAX_CHAIN:
        cycle = [*cycle[: MAX_CHAIN - 1], f"({len(cycle) - MAX_CHAIN} more)", cycle[-1]]
    return " -> ".join(cycle)
