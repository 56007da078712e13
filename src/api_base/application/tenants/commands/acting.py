"""The acting and the affected member, read in the transaction of the decision."""

from api_base.application.common.aggregates import found
from api_base.core.errors import Forbidden
from api_base.core.types import UserId, request_user
from api_base.domain.tenants.entities import Membership
from api_base.domain.tenants.repository import MembershipRepository


async def acting_member(memberships: MembershipRepository) -> Membership:
    """The membership of the current user. Raises `Forbidden` if it has ended."""
    membership = await memberships.of(request_user())
    if membership is None:
        raise Forbidden("You are no longer a member of this tenant.")
    return membership


async def affected_member(memberships: MembershipRepository, user_id: UserId, expected_version: int | None) -> Membership:
    """The member to change; if `expected_version` is given, only at that version. Raises `NotFound`, `StaleVersion`."""
    return found(await memberships.of(user_id), "member", user_id, expected_version)
