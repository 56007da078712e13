"""Change a member's role. Serializable: two owners who step down concurrently cannot both succeed."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member, affected_member
from api_base.application.tenants.dtos import MemberDTO
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import UserId
from api_base.domain.tenants.entities import Role, may_decide, owner_remains
from api_base.domain.tenants.repository import MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMemberRole(Command[MemberDTO]):
    permission = permissions.MANAGE_MEMBERS
    isolation = Isolation.SERIALIZABLE
    tenant_id: UUID
    user_id: UserId
    expected_version: int | None
    role: Role


class ChangeMemberRoleHandler:
    def __init__(self, memberships: MembershipRepository, clock: Clock) -> None:
        self._memberships, self._clock = memberships, clock

    async def handle(self, command: ChangeMemberRole) -> MemberDTO:
        """Change the role. Raises `NotFound`, `StaleVersion`, `OwnersOnly`, `LastOwner`."""
        own_tenant(command.tenant_id)
        actor = await acting_member(self._memberships)
        membership = await affected_member(self._memberships, command.user_id, command.expected_version)
        if membership.role is not command.role:
            may_decide(actor, membership.role, command.role)
            owner_remains(membership, await self._memberships.owners(), command.role)
            membership.change_role(command.role, self._clock.now())
            await self._memberships.update(membership)
        return MemberDTO.of(membership)
