"""Where tenants and memberships are kept."""

from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.core.types import TenantId, UserId
from api_base.domain.tenants.entities import Membership, Tenant
from api_base.domain.tenants.invitation import Invitation


class TenantRepository(AsyncRepository[Tenant, TenantId], Protocol):
    """Reads the tenant of the request in hand only."""


class MembershipRepository(AsyncRepository[Membership, UUID], Protocol):
    """Reads memberships of the request's tenant only."""

    async def of(self, user_id: UserId) -> Membership | None: ...

    async def owners(self) -> int:
        """How many owners the tenant has."""
        ...

    async def remove(self, membership: Membership) -> None: ...


class InvitationRepository(AsyncRepository[Invitation, UUID], Protocol):
    """Reads those of the request's tenant; `of` names another one, before anybody is a member."""

    async def of(self, tenant_id: TenantId, id: UUID) -> Invitation | None: ...

    async def remove(self, invitation: Invitation) -> None: ...
