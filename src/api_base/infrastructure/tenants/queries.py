"""Queries of tenants, members and invitations: rows become DTOs directly, without the aggregates."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.listing import Page
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants.dtos import InvitationDTO, MemberDTO, MyTenantDTO, TenantDTO
from api_base.application.tenants.queries import (
    INVITATION_FIELDS,
    MEMBER_FIELDS,
    GetMembersByUserIds,
    GetTenant,
    GetTenantsByIds,
    ListInvitations,
    ListMembers,
    ListMyTenants,
)
from api_base.core.errors import NotFound
from api_base.core.types import TenantId, UserId, request_tenant, request_user
from api_base.domain.tenants.entities import Role
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import OWNER, Statement, owned
from api_base.infrastructure.tenants.mapper import INVITATION_MAPPING, TENANT_MAPPING
from api_base.infrastructure.tenants.tables import INVITATIONS, MEMBERSHIPS, TENANTS

COLUMNS: Final = {"role": MEMBERSHIPS.c.role, "created_at": MEMBERSHIPS.c.created_at}
INVITATION_COLUMNS: Final = {"created_at": INVITATIONS.c.created_at}


member_to_dto: Final = restored(MemberDTO, role=Role)
my_tenant_to_dto: Final = restored(MyTenantDTO, role=Role)


def invitation_to_dto(row: Row) -> InvitationDTO:
    return InvitationDTO.of(INVITATION_MAPPING.from_row(row))


class GetTenantHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = Statement(sa.select(TENANTS).where(owned(TENANTS)))

    async def handle(self, query: GetTenant) -> TenantDTO:
        """The tenant. Raises `NotFound`."""
        row = await self._database.fetchrow(self._statement, own_tenant(query.id))
        if row is None:
            raise NotFound("tenant", query.id)
        return TenantDTO.of(TENANT_MAPPING.from_row(row))


class GetTenantsByIdsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        named = TENANTS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        self._statement = Statement(sa.select(TENANTS).where(owned(TENANTS), named))

    async def handle(self, query: GetTenantsByIds) -> Sequence[TenantDTO]:
        rows = await self._database.fetch(self._statement, request_tenant(), ids=list(query.ids))
        return [TenantDTO.of(TENANT_MAPPING.from_row(row)) for row in rows]


class GetMembersByUserIdsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        named = MEMBERSHIPS.c.user_id == sa.any_(sa.bindparam("user_ids", type_=ARRAY(sa.Uuid)))
        self._statement = Statement(sa.select(MEMBERSHIPS).where(owned(MEMBERSHIPS), named))

    async def handle(self, query: GetMembersByUserIds) -> Sequence[MemberDTO]:
        return [member_to_dto(row) for row in await self._database.fetch(self._statement, request_tenant(), user_ids=list(query.user_ids))]


class ListMyTenantsHandler:
    """Runs as the user: a second policy on memberships and tenants makes the user's own rows visible."""

    def __init__(self, database: Database) -> None:
        self._database = database
        tenants = sa.select(TENANTS.c.id, TENANTS.c.name, TENANTS.c.slug, TENANTS.c.personal, MEMBERSHIPS.c.role)
        joined = tenants.select_from(MEMBERSHIPS.join(TENANTS, TENANTS.c.id == MEMBERSHIPS.c.tenant_id))
        mine = joined.where(MEMBERSHIPS.c.user_id == OWNER).order_by(MEMBERSHIPS.c.created_at).limit(ListMyTenants.MAX_TENANTS)
        self._statement = Statement(mine, Ownership.USER)

    async def handle(self, query: ListMyTenants) -> Sequence[MyTenantDTO]:
        del query
        rows = await self._database.fetch(self._statement, request_user())
        return [my_tenant_to_dto(row) for row in rows]


class ListMembersHandler:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, MEMBERSHIPS, MEMBER_FIELDS, COLUMNS, member_to_dto)

    async def handle(self, query: ListMembers) -> Page[MemberDTO]:
        """A page. Raises `NotFound` for another tenant, `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, own_tenant(query.tenant_id))


class ListInvitationsHandler:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, INVITATIONS, INVITATION_FIELDS, INVITATION_COLUMNS, invitation_to_dto)

    async def handle(self, query: ListInvitations) -> Page[InvitationDTO]:
        """A page. Raises `NotFound` for another tenant, `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, own_tenant(query.tenant_id))


class SqlMemberships:
    """Implements `Memberships` of the context auth, for a user who is not authenticated yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        mine = sa.select(MEMBERSHIPS.c.tenant_id).where(MEMBERSHIPS.c.user_id == OWNER)
        self._first = Statement(mine.order_by(MEMBERSHIPS.c.created_at, MEMBERSHIPS.c.tenant_id).limit(1), Ownership.USER)
        self._holds = Statement(mine.where(MEMBERSHIPS.c.tenant_id == sa.bindparam("tenant", type_=sa.Uuid)), Ownership.USER)

    async def first(self, user_id: UserId) -> TenantId | None:
        found: TenantId | None = await self._database.fetchval(self._first, user_id)
        return found

    async def holds(self, user_id: UserId, tenant_id: TenantId) -> bool:
        return await self._database.fetchrow(self._holds, user_id, tenant=tenant_id) is not None
