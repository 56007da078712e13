"""DTOs of tenants, members and invitations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.invitation import Invitation


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDTO:
    id: UUID
    name: str
    slug: str
    personal: bool
    plan: str
    public_pages: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, tenant: Tenant) -> "TenantDTO":
        return cls(
            id=tenant.id,
            name=tenant.name,
            slug=tenant.slug.value,
            personal=tenant.personal,
            plan=tenant.plan,
            public_pages=tenant.public_pages,
            version=tenant.version,
            created_at=tenant.created_at,
            updated_at=tenant.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MyTenantDTO:
    """A tenant of the current user, with the user's role in it."""

    id: UUID
    name: str
    slug: str
    personal: bool
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDTO:
    user_id: UUID
    role: Role
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, membership: Membership) -> "MemberDTO":
        return cls(
            user_id=membership.user_id,
            role=membership.role,
            version=membership.version,
            created_at=membership.created_at,
            updated_at=membership.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationDTO:
    """`accepted_at` is null for a pending or expired invitation."""

    id: UUID
    email: str
    role: Role
    version: int
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationDTO":
        return cls(
            id=invitation.id,
            email=invitation.email.value,
            role=invitation.role,
            version=invitation.version,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
            accepted_at=invitation.accepted_at,
        )
