"""Repositories of tenants, memberships and invitations."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from api_base.core.types import TenantId, UserId, request_tenant
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.tenants.repository import InvitationRepository, MembershipRepository, TenantRepository
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import OWNER, Statement, owned
from api_base.infrastructure.tenants.mapper import INVITATION_MAPPING, MEMBERSHIP_MAPPING, TENANT_MAPPING
from api_base.infrastructure.tenants.tables import INVITATIONS, MEMBERSHIPS


class SqlTenantRepository(SqlRepository[Tenant], TenantRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, TENANT_MAPPING, request_tenant)

    async def named(self, id: TenantId) -> Tenant | None:
        return await self.find(self._by_id, id, id=id)


class SqlMembershipRepository(SqlRepository[Membership], MembershipRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, MEMBERSHIP_MAPPING, request_tenant)
        self._of = self.statement(MEMBERSHIPS.c.user_id == sa.bindparam("user", type_=sa.Uuid))
        self._of_users = self.among("user_id")
        count = sa.select(sa.func.count()).select_from(MEMBERSHIPS)
        self._owners = Statement(count.where(owned(MEMBERSHIPS), MEMBERSHIPS.c.role == Role.OWNER.value))

    async def of(self, user_id: UserId) -> Membership | None:
        return await self.in_tenant(request_tenant(), user_id)

    async def in_tenant(self, tenant_id: TenantId, user_id: UserId) -> Membership | None:
        return await self.find(self._of, tenant_id, user=user_id)

    async def of_users(self, user_ids: Sequence[UserId]) -> dict[UserId, Membership]:
        return {membership.user_id: membership for membership in await self._of_users(user_ids)}

    async def owners(self) -> int:
        count: int = await self._database.fetchval(self._owners, request_tenant())
        return count


class SqlInvitationRepository(SqlRepository[Invitation], InvitationRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, INVITATION_MAPPING, request_tenant)
        pending = INVITATIONS.c.accepted_at.is_(None)
        self._pending = self.statement(pending, INVITATIONS.c.email == sa.bindparam("email", type_=sa.Text))
        self._pending_by = Statement(sa.select(INVITATIONS).where(pending, INVITATIONS.c.invited_by == OWNER), Ownership.USER)

    async def of(self, tenant_id: TenantId, id: UUID) -> Invitation | None:
        return await self.find(self._by_id, tenant_id, id=id)

    async def pending(self, email: EmailAddress) -> Invitation | None:
        return await self.find(self._pending, request_tenant(), email=email.value)

    async def pending_by(self, user_id: UserId) -> list[Invitation]:
        """Reads as the user: a second policy makes the invitations that a user sent visible in every tenant."""
        return [self.restore(row) for row in await self._database.fetch(self._pending_by, user_id)]
