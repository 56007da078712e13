"""Invite an e-mail address into the tenant, or renew its invitation. Answer and work are the same for known and unknown addresses.

Serializable: who loses the right concurrently leaves no invitation behind, and an address gets one.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.feature_flags import INVITE_MEMBERS, FeatureFlags, require
from api_base.application.services.mailing import EmailJob, EmailTemplates, Links, Recipient
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.application.tenants.dtos import InvitationDTO
from api_base.application.tenants.identities import Identities
from api_base.core.errors import Forbidden
from api_base.core.protocols import Clock, IdGenerator, Isolation, JobQueue, Limit
from api_base.core.types import Language, request_tenant
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Role, may_decide
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository, TenantRepository

INVITATIONS: Final = Limit(name="invitations", quota=200, window=3600, burst=100, by="tenant")
"""E-mails to strangers that one tenant causes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteMember(Command[InvitationDTO]):
    permission = permissions.MANAGE_MEMBERS
    isolation = Isolation.SERIALIZABLE
    limits = (INVITATIONS,)
    tenant_id: UUID
    email: str
    role: Role
    language: Language = Language.EN


class InviteMemberHandler:
    def __init__(
        self,
        invitations: InvitationRepository,
        memberships: MembershipRepository,
        identities: Identities,
        jobs: JobQueue,
        ids: IdGenerator,
        clock: Clock,
        flags: FeatureFlags,
    ) -> None:
        self._invitations, self._memberships, self._identities = invitations, memberships, identities
        self._jobs, self._ids, self._clock, self._flags = jobs, ids, clock, flags

    async def handle(self, command: InviteMember) -> InvitationDTO:
        """Create or renew the invitation and enqueue its e-mail. Raises `NotFound`, `FeatureDisabled`, `Forbidden`, `OwnersOnly`, `Invalid`."""
        own_tenant(command.tenant_id)
        require(self._flags, INVITE_MEMBERS)
        email, actor = EmailAddress.parse(command.email), await acting_member(self._memberships)
        if await self._identities.email_of(actor.user_id) is None:
            raise Forbidden("Your account is not active.")
        pending = await self._invitations.pending(email)
        may_decide(actor, command.role, None if pending is None else pending.role)
        invitation = await self._renewed(pending, command, actor) or await self._sent(email, command, actor)
        job = MailInvitation(invitation_id=invitation.id, version=invitation.version)
        await self._jobs.enqueue(job, unique=f"{invitation.id}.{invitation.version}")
        return InvitationDTO.of(invitation)

    async def _renewed(self, pending: Invitation | None, command: InviteMember, actor: Membership) -> Invitation | None:
        """The renewed invitation. An expired one is removed, so that its link stays invalid."""
        now = self._clock.now()
        if pending is None:
            return None
        if not pending.is_open(now):
            await self._invitations.remove(pending)
            return None
        pending.renew(role=command.role, language=command.language, invited_by=actor.user_id, now=now)
        return await self._invitations.update(pending)

    async def _sent(self, email: EmailAddress, command: InviteMember, actor: Membership) -> Invitation:
        invitation = Invitation.send(
            id=self._ids.new(),
            tenant_id=actor.tenant_id,
            email=email,
            role=command.role,
            language=command.language,
            invited_by=actor.user_id,
            now=self._clock.now(),
        )
        return await self._invitations.create(invitation)


ACCEPT: Final = "accept-invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailInvitation(EmailJob):
    """Internal: a job of the tenant, which `InviteMemberHandler` enqueues. A renewed invitation is e-mailed by the job of its `version`."""

    invitation_id: UUID
    version: int


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
        if invitation is None or tenant is None or invitation.version != command.version or not invitation.is_open(self._clock.now()):
            return
        email = invitation.email.value
        to = Recipient(email=email, language=await self._identities.language_of(email) or invitation.language)
        link = self._links.to(ACCEPT, invitation.tenant_id, invitation.id)
        await self._email_templates.send("invitation", to, f"{invitation.id}.{invitation.version}", ours={"link": link}, tenant=tenant.name)
