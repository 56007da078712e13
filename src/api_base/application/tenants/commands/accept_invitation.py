"""Accept an invitation: whoever has its link joins, as the user that is signed in or as a new one with the address it was sent to.

Serializable, so that of two who accept one at once one succeeds.
"""

from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command
from api_base.application.tenants.commands.mail_invitation import ACCEPT
from api_base.application.tenants.dtos import MemberDTO
from api_base.application.tenants.identities import Identities
from api_base.core.protocols import Clock, IdGenerator, Isolation, LinkTokens
from api_base.core.types import Language, TenantId, UserId, request_user
from api_base.domain.tenants.errors import InvitationRefused
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptInvitation(Command[MemberDTO]):
    permission: ClassVar[str] = AUTHENTICATED
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterByInvitation(Command[None]):
    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.NONE
    token: str = field(repr=False)
    name: str
    password: str = field(repr=False)
    language: Language = Language.EN


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAsNewUser(Command[None]):
    """Sent by `RegisterByInvitationHandler`, by no route."""

    permission: ClassVar[str] = PUBLIC
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
    tenant_id: TenantId
    invitation_id: UUID
    name: str
    password_hash: str = field(repr=False)
    language: Language


class InvitationAcceptance:
    """What both ways have in common."""

    def __init__(
        self, invitations: InvitationRepository, memberships: MembershipRepository, tokens: LinkTokens, ids: IdGenerator, clock: Clock
    ) -> None:
        self._invitations, self._memberships, self._tokens, self._ids, self._clock = invitations, memberships, tokens, ids, clock

    async def named_by(self, token: str) -> Invitation:
        """Raises `InvitationRefused` for what is no token of one that is open."""
        named = self._tokens.open(ACCEPT, token)
        if named is None:
            raise InvitationRefused
        return await self.named(TenantId(named[0]), named[1])

    async def named(self, tenant_id: TenantId, id: UUID) -> Invitation:
        """Raises `InvitationRefused` for one that is not open."""
        invitation = await self._invitations.of(tenant_id, id)
        if invitation is None or not invitation.is_open(self._clock.now()):
            raise InvitationRefused
        return invitation

    async def join(self, invitation: Invitation, user_id: UserId) -> MemberDTO:
        """Raises `AlreadyMember` when the unit of work ends."""
        membership = invitation.accept(user_id, self._ids.new(), self._clock.now())
        await self._invitations.update(invitation)
        return MemberDTO.of(await self._memberships.create(membership))


class AcceptInvitationHandler:
    def __init__(self, acceptance: InvitationAcceptance) -> None:
        self._acceptance = acceptance

    async def handle(self, command: AcceptInvitation) -> MemberDTO:
        """Raises `InvitationRefused`; `AlreadyMember` when the unit of work ends."""
        return await self._acceptance.join(await self._acceptance.named_by(command.token), request_user())


class RegisterByInvitationHandler:
    """The password is checked and hashed before the transaction."""

    def __init__(self, bus: Bus, acceptance: InvitationAcceptance, identities: Identities) -> None:
        self._bus, self._acceptance, self._identities = bus, acceptance, identities

    async def handle(self, command: RegisterByInvitation) -> None:
        """Raises `InvitationRefused`, `Invalid`, and `EmailTaken`: to who reads that address's mail, and has to log in instead."""
        invitation = await self._acceptance.named_by(command.token)
        hashed = await self._identities.prepared(invitation.email.value, command.name, command.password)
        await self._bus.execute(
            JoinAsNewUser(
                tenant_id=invitation.tenant_id,
                invitation_id=invitation.id,
                name=command.name,
                password_hash=hashed,
                language=command.language,
            )
        )


class JoinAsNewUserHandler:
    def __init__(self, acceptance: InvitationAcceptance, identities: Identities) -> None:
        self._acceptance, self._identities = acceptance, identities

    async def handle(self, command: JoinAsNewUser) -> None:
        """Raises `InvitationRefused`, `Invalid`; `EmailTaken` when the unit of work ends."""
        invitation = await self._acceptance.named(command.tenant_id, command.invitation_id)
        user_id = await self._identities.register(invitation.email.value, command.name, command.password_hash, command.language)
        await self._acceptance.join(invitation, user_id)
