"""Events of tenants and memberships."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCreated(DomainEvent):
    name: ClassVar[str] = "tenants.created.v1"
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(DomainEvent):
    name: ClassVar[str] = "tenants.member_added.v1"
    tenant_id: UUID
    user_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoleChanged(DomainEvent):
    name: ClassVar[str] = "tenants.member_role_changed.v1"
    tenant_id: UUID
    user_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnded(DomainEvent):
    name: ClassVar[str] = "tenants.membership_ended.v1"
    tenant_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInvited(DomainEvent):
    """Does not contain the address: it may belong to a person who is not a user."""

    name: ClassVar[str] = "tenants.member_invited.v1"
    tenant_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAccepted(DomainEvent):
    name: ClassVar[str] = "tenants.invitation_accepted.v1"
    tenant_id: UUID
    user_id: UUID
