"""Who is acting, as a member: read in the same transaction as what is decided."""

from api_base.core.errors import Forbidden
from api_base.core.types import request_user
from api_base.domain.tenants.entities import Membership
from api_base.domain.tenants.repository import MembershipRepository


async def acting_member(memberships: MembershipRepository) -> Membership:
    """Raises `Forbidden` where the membership has ended meanwhile."""
    membership = await memberships.of(request_user())
    if membership is None:
        raise Forbidden("You are no member of this tenant any more.")
    return membership
