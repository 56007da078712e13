"""Map tenants, memberships and invitations to their rows and back."""

from typing import Any

from api_base.core.errors import Transient
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress, Slug
from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.errors import AlreadyMember, SlugTaken
from api_base.domain.tenants.invitation import Invitation
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.tenants.tables import INVITATIONS, MEMBERSHIPS, TENANTS


def tenant_to_row(tenant: Tenant) -> tuple[Any, ...]:
    return (tenant.id, tenant.name, tenant.slug.value, tenant.personal, tenant.version, tenant.created_at, tenant.updated_at)


def tenant_from_row(row: Row) -> Tenant:
    return Tenant(**dict(row) | {"slug": Slug(row["slug"])})


def membership_to_row(membership: Membership) -> tuple[Any, ...]:
    return (
        membership.tenant_id,
        membership.id,
        membership.user_id,
        membership.role.value,
        membership.version,
        membership.created_at,
        membership.updated_at,
    )


def membership_from_row(row: Row) -> Membership:
    return Membership(**dict(row) | {"role": Role(row["role"])})


def invitation_to_row(invitation: Invitation) -> tuple[Any, ...]:
    return (
        invitation.tenant_id,
        invitation.id,
        invitation.email.value,
        invitation.role.value,
        invitation.language.value,
        invitation.invited_by,
        invitation.version,
        invitation.created_at,
        invitation.expires_at,
        invitation.accepted_at,
    )


def invitation_from_row(row: Row) -> Invitation:
    values = {"email": EmailAddress(row["email"]), "role": Role(row["role"]), "language": Language(row["language"])}
    return Invitation(**dict(row) | values)


TENANT_MAPPING = TableMapping[Tenant](
    entity="tenant",
    table=TENANTS,
    to_row=tenant_to_row,
    from_row=tenant_from_row,
    owner=lambda tenant: tenant.id,
    constraint_errors={"uq_tenants_slug": lambda tenant: SlugTaken(tenant.slug.value)},
)

MEMBERSHIP_MAPPING = TableMapping[Membership](
    entity="member",
    table=MEMBERSHIPS,
    to_row=membership_to_row,
    from_row=membership_from_row,
    owner=lambda membership: membership.tenant_id,
    constraint_errors={"uq_memberships_tenant_id_user_id": lambda membership: AlreadyMember()},
)

INVITATION_MAPPING = TableMapping[Invitation](
    entity="invitation",
    table=INVITATIONS,
    to_row=invitation_to_row,
    from_row=invitation_from_row,
    owner=lambda invitation: invitation.tenant_id,
    constraint_errors={"uq_invitations_pending": lambda invitation: Transient("Another request has just invited this address.")},
)
