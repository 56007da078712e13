"""A tenant always has an owner; owners and admins manage members, and only owners may make, change or remove owners."""

from typing import Final

from api_base.core.errors import Forbidden
from api_base.domain.tenants.entities import Membership, Role
from api_base.domain.tenants.errors import LastOwner, OwnersOnly

MANAGERS: Final = frozenset({Role.OWNER, Role.ADMIN})
"""The roles that manage members."""


def may_give(giver: Role | None, role: Role) -> bool:
    """Whether a member in the role `giver` (None: no member) may give somebody `role`."""
    return giver is Role.OWNER or (giver is Role.ADMIN and role is not Role.OWNER)


def may_decide(actor: Membership, affected: Role, wanted: Role | None = None) -> None:
    """Raise `Forbidden`, `OwnersOnly` unless `actor` may change a member's role from `affected` to `wanted` (None: remove the member)."""
    if actor.role not in MANAGERS:
        raise Forbidden("You may no longer manage the members of this tenant.")
    if not (may_give(actor.role, affected) and may_give(actor.role, wanted or affected)):
        raise OwnersOnly


def owner_remains(membership: Membership, owners: int, wanted: Role | None = None) -> None:
    """Raise `LastOwner` if `membership` is the last of `owners` and would stop being one."""
    if membership.role is Role.OWNER and wanted is not Role.OWNER and owners <= 1:
        raise LastOwner
