"""Repositories of tenants, memberships and invitations."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.core.types import TenantId, UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Tenant
from api_base.domain.tenants.invitation import Invitation


class TenantRepository(AsyncRepository[Tenant, TenantId], Protocol):
    """Reads only the tenant of the current request. `named` reads any tenant, for platform administrators."""

    async def named(self, id: TenantId) -> Tenant | None: ...


class MembershipRepository(AsyncRepository[Membership, UUID], Protocol):
    """Reads only memberships of the current request's tenant."""

    async def of(self, user_id: UserId) -> Membership | None: ...

    async def in_tenant(self, tenant_id: TenantId, user_id: UserId) -> Membership | None:
        """The membership in a named tenant, for a request that does not act for it."""
        ...

    async def of_users(self, user_ids: Sequence[UserId]) -> dict[UserId, Membership]:
        """The memberships of these users, by user."""
        ...

    async def owners(self) -> int:
        """The number of owners of the tenant."""
        ...

    async def remove(self, membership: Membership) -> None: ...


class InvitationRepository(AsyncRepository[Invitation, UUID], Protocol):
    """Reads invitations of the current request's tenant. `of` reads those of a named tenant, for a user who is not a member yet."""

    async def of(self, tenant_id: TenantId, id: UUID) -> Invitation | None: ...

    async def pending(self, email: EmailAddress) -> Invitation | None:
        """The invitation of an address that was not accepted. It may have expired."""
        ...

    async def pending_by(self, user_id: UserId) -> Sequence[Invitation]:
        """The invitations that a user sent in all tenants and that were not accepted."""
        ...

    async def remove(self, invitation: Invitation) -> None: ...
