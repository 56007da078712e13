"""Queries of tenants. Their handlers are adapters: infrastructure/tenants/queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Cacheable, Query
from api_base.application.common.listing import EQUALITY, ORDER, Field, Fields, ListRequest, Page, Sort
from api_base.application.tenants import permissions
from api_base.application.tenants.dtos import InvitationDTO, MemberDTO, MyTenantDTO, TenantDTO
from api_base.domain.tenants.entities import Role

MEMBER_FIELDS: Final = Fields(
    Field(name="role", kind=str, operators=EQUALITY, choices=tuple(role.value for role in Role)),
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True),
    default_sort=(Sort(field="created_at"),),
)

INVITATION_FIELDS: Final = Fields(
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True), default_sort=(Sort(field="created_at"),)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMyTenants(Query[Sequence[MyTenantDTO]]):
    """All tenants of the current user: the oldest `MAX_TENANTS`."""

    MAX_TENANTS: ClassVar[int] = 1000
    permission = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTenant(Query[TenantDTO]):
    """The current tenant."""

    permission = permissions.READ
    cacheable = Cacheable.BY_PERMISSIONS
    staleness = 2.0
    reads = ("tenant",)
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTenantsByIds(Query[Sequence[TenantDTO]]):
    """The current tenant, if it is among them."""

    permission = permissions.READ
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMembersByUserIds(Query[Sequence[MemberDTO]]):
    """Those of the users who are members of the current tenant, in any order."""

    permission = permissions.READ
    user_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMembers(Query[Page[MemberDTO]]):
    """The members of the current tenant."""

    permission = permissions.READ
    cacheable = Cacheable.BY_PERMISSIONS
    staleness = 2.0
    reads = ("member",)
    tenant_id: UUID
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInvitations(Query[Page[InvitationDTO]]):
    """The invitations of the current tenant."""

    permission = permissions.MANAGE_MEMBERS
    tenant_id: UUID
    request: ListRequest
