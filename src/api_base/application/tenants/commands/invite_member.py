"""Invite an e-mail address into the tenant. Answer and work are the same for known and unknown addresses."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.application.tenants.commands.mail_invitation import MailInvitation
from api_base.application.tenants.dtos import InvitationDTO
from api_base.core.protocols import Clock, IdGenerator, JobQueue
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.ownership import may_decide
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteMember(Command[InvitationDTO]):
    permission: ClassVar[str] = permissions.MANAGE_MEMBERS
    tenant_id: UUID
    email: str
    role: Role
    language: Language = Language.EN


class InviteMemberHandler:
    def __init__(
        self, invitations: InvitationRepository, memberships: MembershipRepository, jobs: JobQueue, ids: IdGenerator, clock: Clock
    ) -> None:
        self._invitations, self._memberships, self._jobs, self._ids, self._clock = invitations, memberships, jobs, ids, clock

    async def handle(self, command: InviteMember) -> InvitationDTO:
        """Create the invitation and enqueue its e-mail. Raises `NotFound`, `OwnersOnly`, `Invalid`."""
        tenant_id = own_tenant(command.tenant_id)
        actor = await acting_member(self._memberships)
        may_decide(actor, command.role)
        invitation = Invitation.send(
            id=self._ids.new(),
            tenant_id=tenant_id,
            email=EmailAddress.parse(command.email),
            role=command.role,
            language=command.language,
            invited_by=actor.user_id,
            now=self._clock.now(),
        )
        await self._invitations.create(invitation)
        await self._jobs.enqueue(MailInvitation(invitation_id=invitation.id), unique=str(invitation.id))
        return InvitationDTO.of(invitation)
