"""A tenant always has an owner, and only owners decide about owners."""

from api_base.domain.tenants.entities import Membership, Role
from api_base.domain.tenants.errors import LastOwner, OwnersOnly


def may_decide(actor: Membership, affected: Role, wanted: Role | None = None) -> None:
    """Raises `OwnersOnly` unless `actor` may turn a member of role `affected` into one of role `wanted` (None: remove)."""
    if Role.OWNER in (affected, wanted) and actor.role is not Role.OWNER:
        raise OwnersOnly


def owner_remains(membership: Membership, owners: int, wanted: Role | None = None) -> None:
    """Raises `LastOwner` if `membership` is the last of `owners` and is no owner after_response."""
    if membership.role is Role.OWNER and wanted is not Role.OWNER and owners <= 1:
        raise LastOwner
