"""Who is acting, and upon whom, as members: read in the same transaction as what is decided."""

from api_base.core.errors import Forbidden, NotFound, StaleVersion
from api_base.core.types import UserId, request_user
from api_base.domain.tenants.entities import Membership
from api_base.domain.tenants.repository import MembershipRepository


async def acting_member(memberships: MembershipRepository) -> Membership:
    """Raises `Forbidden` where the membership has ended meanwhile."""
    membership = await memberships.of(request_user())
    if membership is None:
        raise Forbidden("You are no member of this tenant any more.")
    return membership


async def affected_member(memberships: MembershipRepository, user_id: UserId, expected_version: int | None) -> Membership:
    """The member that is changed, at the version that the caller last saw where it says one. Raises `NotFound`, `StaleVersion`."""
    membership = await memberships.of(user_id)
    if membership is None:
        raise NotFound("member", user_id)
    if expected_version is not None and expected_version != membership.version:
        raise StaleVersion("member", expected_version)
    return membership
