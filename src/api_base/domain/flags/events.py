"""Events of feature flags."""

from dataclasses import dataclass

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagExposed(DomainEvent):
    """Somebody got a variant of a tracked flag, at least once since the last report of the process. `tenant` and `user` may be empty.

    No change of the flag causes it: it has version 0 of the flag.
    """

    name = "flags.exposed.v1"
    flag: str
    variant: str
    tenant: str
    user: str
