"""Accept an invitation through its link: as the authenticated user, or as a new user with the invited address.

Serializable: if an invitation is accepted twice concurrently, one request succeeds.
"""

from dataclasses import dataclass, field
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command
from api_base.application.tenants.commands.invite_member import ACCEPT
from api_base.application.tenants.dtos import MemberDTO
from api_base.application.tenants.identities import Identities
from api_base.core.errors import Unauthenticated
from api_base.core.protocols import Clock, IdGenerator, Isolation, LinkTokens
from api_base.core.types import Language, TenantId, UserId, request_user
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.errors import InvitationRefused
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptInvitation(Command[MemberDTO]):
    permission = AUTHENTICATED
    isolation = Isolation.SERIALIZABLE
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterByInvitation(Command[None]):
    permission = PUBLIC
    isolation = Isolation.NONE
    token: str = field(repr=False)
    name: str
    password: str = field(repr=False)
    language: Language = Language.EN


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAsNewUser(Command[None]):
    """Internal: `RegisterByInvitationHandler` sends it."""

    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    tenant_id: TenantId
    invitation_id: UUID
    name: str
    password_hash: str = field(repr=False)
    language: Language


class InvitationAcceptance:
    """The steps that both ways of accepting share."""

    def __init__(
        self,
        invitations: InvitationRepository,
        memberships: MembershipRepository,
        identities: Identities,
        tokens: LinkTokens,
        ids: IdGenerator,
        clock: Clock,
    ) -> None:
        self._invitations, self._memberships, self._identities = invitations, memberships, identities
        self._tokens, self._ids, self._clock = tokens, ids, clock

    async def named_by(self, token: str) -> Invitation:
        """The open invitation of a token. Raises `InvitationRefused` for any other token."""
        named = self._tokens.open(ACCEPT, token)
        if named is None:
            raise InvitationRefused
        return await self.named(TenantId(named[0]), named[1])

    async def named(self, tenant_id: TenantId, id: UUID) -> Invitation:
        """The open invitation with this id. Raises `InvitationRefused` if it is not open."""
        invitation = await self._invitations.of(tenant_id, id)
        if invitation is None or not invitation.is_open(self._clock.now()):
            raise InvitationRefused
        return invitation

    async def join(self, invitation: Invitation, user_id: UserId, email: EmailAddress) -> MemberDTO:
        """Accept the invitation and create the membership, if the inviter could still invite to its role.

        Raises `InvitationRefused`, `InvitationForAddress`; the commit raises `AlreadyMember`.
        """
        inviter = await self._memberships.in_tenant(invitation.tenant_id, invitation.invited_by)
        if inviter is None or await self._identities.email_of(inviter.user_id) is None:
            raise InvitationRefused
        membership = invitation.accept(user_id, email, inviter.role, self._ids.new(), self._clock.now())
        await self._invitations.update(invitation)
        return MemberDTO.of(await self._memberships.create(membership))


class AcceptInvitationHandler:
    def __init__(self, acceptance: InvitationAcceptance, identities: Identities) -> None:
        self._acceptance, self._identities = acceptance, identities

    async def handle(self, command: AcceptInvitation) -> MemberDTO:
        """Join as the current user. Raises `InvitationRefused`, `InvitationForAddress`; the commit raises `AlreadyMember`."""
        invitation, email = await self._acceptance.named_by(command.token), await self._identities.email_of(request_user())
        if email is None:
            raise Unauthenticated("Your account is not active.")
        return await self._acceptance.join(invitation, request_user(), email)


class RegisterByInvitationHandler:
    """Checks and hashes the password before the transaction."""

    def __init__(self, bus: Bus, acceptance: InvitationAcceptance, identities: Identities) -> None:
        self._bus, self._acceptance, self._identities = bus, acceptance, identities

    async def handle(self, command: RegisterByInvitation) -> None:
        """Register and join. Raises `InvitationRefused`, `Invalid`, and `EmailTaken`, which only the owner of the mailbox can see."""
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
        """Create the user and the membership. Raises `InvitationRefused`, `Invalid`; the commit raises `EmailTaken`."""
        invitation = await self._acceptance.named(command.tenant_id, command.invitation_id)
        user_id = await self._identities.register(invitation.email.value, command.name, command.password_hash, command.language)
        await self._acceptance.join(invitation, user_id, invitation.email)
