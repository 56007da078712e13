"""Withdraw an invitation: its link becomes invalid."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.domain.tenants.entities import may_decide
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
