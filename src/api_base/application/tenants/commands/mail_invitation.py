"""E-mail an invitation. Internal: a job of the tenant."""

from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.services.mailing import EmailTemplates, Links, Recipient
from api_base.application.tenants.identities import Identities
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import request_tenant
from api_base.domain.tenants.repository import InvitationRepository, TenantRepository

ACCEPT: Final = "accept-invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailInvitation(Command[None]):
    """`version` is that of the invitation: a renewed one is e-mailed by another job."""

    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
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
        await self._email_templates.send("invitation", to, f"{invitation.id}.{invitation.version}", tenant=tenant.name, link=link)
