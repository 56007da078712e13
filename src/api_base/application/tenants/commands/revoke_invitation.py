"""Withdraw an invitation: its link becomes invalid. Those that a member may no longer send end in the transaction that takes the right away."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.core.types import UserId
from api_base.domain.tenants.entities import Role, may_decide, may_give
from api_base.domain.tenants.events import MemberRoleChanged, MembershipEnded
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeInvitation(Command[None]):
    permission = permissions.MANAGE_MEMBERS
    tenant_id: UUID
    id: UUID
    expected_version: int | None


class RevokeInvitationHandler:
    def __init__(self, invitations: InvitationRepository, memberships: MembershipRepository) -> None:
        self._invitations, self._memberships = invitations, memberships

    async def handle(self, command: RevokeInvitation) -> None:
        """Withdraw the invitation. Raises `NotFound`, `StaleVersion`, `OwnersOnly`."""
        own_tenant(command.tenant_id)
        invitation = await load(self._invitations, "invitation", command.id, command.expected_version)
        may_decide(await acting_member(self._memberships), invitation.role)
        await self._invitations.remove(invitation)


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
