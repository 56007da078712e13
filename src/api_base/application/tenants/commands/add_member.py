"""Add an existing user to the tenant. The answer reveals which users exist, so it is allowed only where registration reveals it too."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member
from api_base.application.tenants.dtos import MemberDTO
from api_base.application.tenants.identities import Identities
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, IdGenerator
from api_base.domain.tenants.entities import Membership, Role, may_decide
from api_base.domain.tenants.errors import InvitationsOnly
from api_base.domain.tenants.repository import MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMember(Command[MemberDTO]):
    permission = permissions.MANAGE_MEMBERS
    tenant_id: UUID
    email: str
    role: Role


class AddMemberHandler:
    """`direct` allows adding users; otherwise members join by invitation only."""

    def __init__(self, memberships: MembershipRepository, identities: Identities, ids: IdGenerator, clock: Clock, *, direct: bool) -> None:
        self._memberships, self._identities, self._ids, self._clock, self._direct = memberships, identities, ids, clock, direct

    async def handle(self, command: AddMember) -> MemberDTO:
        """Add the member. Raises `InvitationsOnly`, `NotFound`, `OwnersOnly`, `Invalid`; the commit raises `AlreadyMember`."""
        tenant_id = own_tenant(command.tenant_id)
        if not self._direct:
            raise InvitationsOnly
        may_decide(await acting_member(self._memberships), command.role)
        user_id = await self._identities.id_of(command.email)
        if user_id is None:
            raise NotFound("user", command.email)
        membership = Membership.begin(id=self._ids.new(), tenant_id=tenant_id, user_id=user_id, role=command.role, now=self._clock.now())
        return MemberDTO.of(await self._memberships.create(membership))
