"""A tenant always has an owner, and only owners may make, change or remove owners."""

from api_base.domain.tenants.entities import Membership, Role
from api_base.domain.tenants.errors import LastOwner, OwnersOnly


def may_decide(actor: Membership, affected: Role, wanted: Role | None = None) -> None:
    """Raise `OwnersOnly` unless `actor` may change a member's role from `affected` to `wanted` (None: remove the member)."""
    if Role.OWNER in (affected, wanted) and actor.role is not Role.OWNER:
        raise OwnersOnly


def owner_remains(membership: Membership, owners: int, wanted: Role | None = None) -> None:
    """Raise `LastOwner` if `membership` is the last of `owners` and would stop being one."""
    if membership.role is Role.OWNER and wanted is not Role.OWNER and owners <= 1:
        raise LastOwner
