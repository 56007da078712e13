"""Invite an e-mail address into the tenant. Answer and work are the same for known and unknown addresses."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.mailing import EmailJob, EmailTemplates, Links, Recipient
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.application.tenants.dtos import InvitationDTO
from api_base.application.tenants.identities import Identities
from api_base.core.protocols import Clock, IdGenerator, JobQueue
from api_base.core.types import Language, request_tenant
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role, may_decide
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository, TenantRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteMember(Command[InvitationDTO]):
    permission = permissions.MANAGE_MEMBERS
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


ACCEPT: Final = "accept-invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailInvitation(EmailJob):
    """Internal: a job of the tenant, which `InviteMemberHandler` enqueues."""

    invitation_id: UUID


class MailInvitationHandler:
    """Writes in the language of the user with the address, or in the invitation's language if there is none."""

    def __init__(
        self,
        invitations: InvitationRepository,
        tenants: TenantRepository,
        identities: Identities,
        email_templates: EmailTemplates,
        links: Links,
        clock: Clock,
    ) -> None:
        self._invitations, self._tenants, self._identities = invitations, tenants, identities
        self._email_templates, self._links, self._clock = email_templates, links, clock

    async def handle(self, command: MailInvitation) -> None:
        """Send the e-mail. Raises what `Mailer.send` raises."""
        invitation, tenant = await self._invitations.get(command.invitation_id), await self._tenants.get(request_tenant())
        if invitation is None or tenant is None or not invitation.is_open(self._clock.now()):
            return
        email = invitation.email.value
        to = Recipient(email=email, language=await self._identities.language_of(email) or invitation.language)
        link = self._links.to(ACCEPT, invitation.tenant_id, invitation.id)
        await self._email_templates.send("invitation", to, invitation.id, tenant=tenant.name, link=link)
