"""Withdraw the pending invitations that a member may no longer send, in the transaction that takes the right away."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.types import UserId
from api_base.domain.tenants.entities import Role
from api_base.domain.tenants.events import MemberRoleChanged, MembershipEnded
from api_base.domain.tenants.ownership import may_give
from api_base.domain.tenants.repository import InvitationRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Deactivated:
    """The fields used of `users.deactivated.v1`."""

    aggregate_id: UUID


class WithdrawInvitations:
    def __init__(self, invitations: InvitationRepository) -> None:
        self._invitations = invitations

    async def of_former_member(self, event: MembershipEnded) -> None:
        await self._withdraw(event.user_id, event.tenant_id, None)

    async def beyond_role(self, event: MemberRoleChanged) -> None:
        await self._withdraw(event.user_id, event.tenant_id, Role(event.role))

    async def of_deactivated_user(self, event: Deactivated) -> None:
        await self._withdraw(event.aggregate_id, None, None)

    async def _withdraw(self, user_id: UUID, tenant_id: UUID | None, role: Role | None) -> None:
        """Withdraw what a member in `role` may not send: in one tenant, or in all (None)."""
        for invitation in await self._invitations.pending_by(UserId(user_id)):
            if tenant_id in (None, invitation.tenant_id) and not may_give(role, invitation.role):
                await self._invitations.remove(invitation)
