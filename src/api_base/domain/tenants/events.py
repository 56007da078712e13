"""Events of tenants and memberships."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCreated(DomainEvent):
    name = "tenants.created.v1"
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(DomainEvent):
    name = "tenants.member_added.v1"
    tenant_id: UUID
    user_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoleChanged(DomainEvent):
    name = "tenants.member_role_changed.v1"
    tenant_id: UUID
    user_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnded(DomainEvent):
    name = "tenants.membership_ended.v1"
    tenant_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInvited(DomainEvent):
    """Does not contain the address: it may belong to a person who is not a user."""

    name = "tenants.member_invited.v1"
    tenant_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAccepted(DomainEvent):
    name = "tenants.invitation_accepted.v1"
    tenant_id: UUID
    user_id: UUID
