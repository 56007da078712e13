"""Invite an e-mail address into the tenant, or renew its invitation. Answer and work are the same for known and unknown addresses.

Serializable: who loses the right concurrently leaves no invitation behind, and an address gets one.
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.application.tenants.commands.mail_invitation import MailInvitation
from api_base.application.tenants.dtos import InvitationDTO
from api_base.core.protocols import Clock, IdGenerator, Isolation, JobQueue
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Role
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.ownership import may_decide
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteMember(Command[InvitationDTO]):
    permission: ClassVar[str] = permissions.MANAGE_MEMBERS
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
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
        """Create or renew the invitation and enqueue its e-mail. Raises `NotFound`, `Forbidden`, `OwnersOnly`, `Invalid`."""
        own_tenant(command.tenant_id)
        email, actor = EmailAddress.parse(command.email), await acting_member(self._memberships)
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
