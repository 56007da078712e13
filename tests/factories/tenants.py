"""Tenants and memberships that are valid by default."""

from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid4

from api_base.core.types import TenantId, UserId
from api_base.domain.common.value_objects import Slug
from api_base.domain.tenants.entities import Membership, Role, Tenant

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_numbers = count(1)


def tenant(*, id: UUID | None = None, name: str = "Chairs Ltd", slug: str | None = None, personal: bool = False) -> Tenant:
    """As it is after it was saved once: no event is left."""
    made = Tenant.create(id=id or uuid4(), name=name, slug=Slug.parse(slug or f"tenant-{next(_numbers)}"), now=NOW, personal=personal)
    made.version = 1
    made.collect_events()
    return made


def membership(tenant_id: UUID, *, user_id: UUID | None = None, role: Role = Role.MEMBER) -> Membership:
    made = Membership.begin(id=uuid4(), tenant_id=TenantId(tenant_id), user_id=UserId(user_id or uuid4()), role=role, now=NOW)
    made.version = 1
    made.collect_events()
    return made
