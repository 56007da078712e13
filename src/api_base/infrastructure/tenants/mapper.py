"""Map tenants, memberships and invitations to their rows and back."""

from api_base.core.errors import Transient
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress, Slug
from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.errors import AlreadyMember, SlugTaken
from api_base.domain.tenants.invitation import Invitation
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.tenants.tables import INVITATIONS, MEMBERSHIPS, TENANTS

TENANT_MAPPING = TableMapping[Tenant](
    entity="tenant",
    table=TENANTS,
    to_row=row_of(TENANTS, slug="slug.value"),
    from_row=restored(Tenant, slug=Slug),
    owner=lambda tenant: tenant.id,
    constraint_errors={"uq_tenants_slug": lambda tenant: SlugTaken(tenant.slug.value)},
)

MEMBERSHIP_MAPPING = TableMapping[Membership](
    entity="member",
    table=MEMBERSHIPS,
    to_row=row_of(MEMBERSHIPS, role="role.value"),
    from_row=restored(Membership, role=Role),
    owner=lambda membership: membership.tenant_id,
    constraint_errors={"uq_memberships_tenant_id_user_id": lambda membership: AlreadyMember()},
)

INVITATION_MAPPING = TableMapping[Invitation](
    entity="invitation",
    table=INVITATIONS,
    to_row=row_of(INVITATIONS, email="email.value", role="role.value", language="language.value"),
    from_row=restored(Invitation, email=EmailAddress, role=Role, language=Language),
    owner=lambda invitation: invitation.tenant_id,
    constraint_errors={"uq_invitations_pending": lambda invitation: Transient("Another request has just invited this address.")},
)
