"""Remove a member, or leave the tenant oneself. Serializable, so that the last owner cannot leave."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.commands.acting import acting_member, affected_member
from api_base.core.protocols import Isolation
from api_base.core.types import UserId
from api_base.domain.tenants.entities import Membership, may_decide, owner_remains
from api_base.domain.tenants.repository import MembershipRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMember(Command[None]):
    permission = permissions.MANAGE_MEMBERS
    isolation = Isolation.SERIALIZABLE
    tenant_id: UUID
    user_id: UserId
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveTenant(Command[None]):
    permission = permissions.READ
    isolation = Isolation.SERIALIZABLE
    tenant_id: UUID


class RemoveMemberHandler:
    def __init__(self, memberships: MembershipRepository) -> None:
        self._memberships = memberships

    async def handle(self, command: RemoveMember) -> None:
        """Remove the member. Raises `NotFound`, `StaleVersion`, `OwnersOnly`, `LastOwner`."""
        own_tenant(command.tenant_id)
        actor = await acting_member(self._memberships)
        membership = await affected_member(self._memberships, command.user_id, command.expected_version)
        may_decide(actor, membership.role)
        await end(self._memberships, membership)


class LeaveTenantHandler:
    def __init__(self, memberships: MembershipRepository) -> None:
        self._memberships = memberships

    async def handle(self, command: LeaveTenant) -> None:
        """Leave the tenant. Raises `NotFound`, `LastOwner`."""
        own_tenant(command.tenant_id)
        await end(self._memberships, await acting_member(self._memberships))


async def end(memberships: MembershipRepository, membership: Membership) -> None:
    owner_remains(membership, await memberships.owners())
    membership.end()
    await memberships.remove(membership)
