"""Which flags are ready to be removed from the code, and why."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from api_base.domain.flags.definition import FlagDefinition
from api_base.domain.flags.settings import FlagSettings

IDLE: Final = timedelta(days=30)
"""A flag that was not evaluated, or not changed while it serves one variant to everybody, for longer than this is stale."""


class StaleReason(StrEnum):
    DATE_PASSED = "date_passed"
    ONE_VARIANT = "one_variant"
    NOT_EVALUATED = "not_evaluated"


def stale_reasons(
    flag: FlagSettings, *, required: bool, created_at: datetime, updated_at: datetime, last_evaluated_at: datetime | None, now: datetime
) -> Iterator[StaleReason]:
    """Yield why a flag is stale: its date, one variant for everybody without a change, no evaluation. An archived flag is not stale.

    A client that holds all flags does not report which of them it evaluates. Nor is the evaluation of a prerequisite recorded: `required` says
    that another flag names this one.
    """
    if flag.archived:
        return
    if flag.stale_after is not None and flag.stale_after <= now:
        yield StaleReason.DATE_PASSED
    if now - updated_at > IDLE and serves_one_variant(flag.definition, now):
        yield StaleReason.ONE_VARIANT
    if not flag.definition.client and not required and now - (last_evaluated_at or created_at) > IDLE:
        yield StaleReason.NOT_EVALUATED


def serves_one_variant(flag: FlagDefinition, now: datetime) -> bool:
    """Return whether everybody gets the same from now on: whatever the context, as long as it has the attributes that splits bucket by."""
    if flag.tenants or (flag.starts_at is not None and flag.starts_at > now):
        return False
    if not flag.enabled or (flag.ends_at is not None and flag.ends_at <= now):
        return True
    if flag.prerequisites or flag.ends_at is not None:
        return False
    served: set[str | None] = set()
    for rule in flag.rules:
        served |= {rule.variant} if rule.split is None else {name for name, weight in rule.split.items() if weight}
        if not rule.conditions:
            return len(served) == 1
    return len(served | {flag.default_variant}) == 1
