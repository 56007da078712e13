"""The tenant, and the membership of a user in it. A tenant always has an owner.

Owners and admins manage members, and only owners may make, change or remove owners.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.errors import Forbidden
from api_base.core.types import TenantId, UserId
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import Slug
from api_base.domain.tenants.errors import LastOwner, OwnersOnly
from api_base.domain.tenants.events import MemberAdded, MemberRoleChanged, MembershipEnded, TenantCreated

NAME: Final = TextRule(max_length=100)
STANDARD: Final = "standard"
"""The plan of a new tenant."""


class Role(StrEnum):
    """Roles of members, the most powerful first. Each context declares which roles hold its permissions."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


@dataclass(slots=True, kw_only=True, eq=False)
class Tenant(AggregateRoot):
    """A `personal` tenant is created with a user's registration and belongs to that user. `plan` selects limits and features.

    `public_pages`: anybody who knows the slug may read what the tenant has published.
    """

    name: str
    slug: Slug
    personal: bool
    plan: str
    public_pages: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(cls, *, id: UUID, name: str, slug: Slug, now: datetime, personal: bool = False) -> Self:
        """Raises `Invalid` for an invalid name."""
        tenant = cls(
            id=id,
            name=NAME.parse(name, "/name"),
            slug=slug,
            personal=personal,
            plan=STANDARD,
            public_pages=False,
            created_at=now,
            updated_at=now,
        )
        tenant.record(TenantCreated(aggregate_id=id, slug=slug.value))
        return tenant

    def rename(self, name: str, now: datetime) -> None:
        self.name, self.updated_at = NAME.parse(name, "/name"), now

    def change_plan(self, plan: str, now: datetime) -> None:
        self.plan, self.updated_at = plan, now

    def show_publicly(self, public_pages: bool, now: datetime) -> None:
        self.public_pages, self.updated_at = public_pages, now


@dataclass(slots=True, kw_only=True, eq=False)
class Membership(AggregateRoot):
    tenant_id: TenantId
    user_id: UserId
    role: Role
    created_at: datetime
    updated_at: datetime

    @classmethod
    def begin(cls, *, id: UUID, tenant_id: TenantId, user_id: UserId, role: Role, now: datetime) -> Self:
        membership = cls(id=id, tenant_id=tenant_id, user_id=user_id, role=role, created_at=now, updated_at=now)
        membership.record(MemberAdded(aggregate_id=id, tenant_id=tenant_id, user_id=user_id, role=role))
        return membership

    def change_role(self, role: Role, now: datetime) -> None:
        self.role, self.updated_at = role, now
        self.record(MemberRoleChanged(aggregate_id=self.id, tenant_id=self.tenant_id, user_id=self.user_id, role=role))

    def end(self) -> None:
        self.record(MembershipEnded(aggregate_id=self.id, tenant_id=self.tenant_id, user_id=self.user_id))


MANAGERS: Final = frozenset({Role.OWNER, Role.ADMIN})
"""The roles that manage members."""


def may_give(giver: Role | None, role: Role) -> bool:
    """Whether a member in the role `giver` (None: no member) may give somebody `role`."""
    return giver is Role.OWNER or (giver is Role.ADMIN and role is not Role.OWNER)


def may_decide(actor: Membership, affected: Role, wanted: Role | None = None) -> None:
    """Raise `Forbidden`, `OwnersOnly` unless `actor` may change a member's role from `affected` to `wanted` (None: remove the member)."""
    if actor.role not in MANAGERS:
        raise Forbidden("You may no longer manage the members of this tenant.")
    if not (may_give(actor.role, affected) and may_give(actor.role, wanted or affected)):
        raise OwnersOnly


def owner_remains(membership: Membership, owners: int, wanted: Role | None = None) -> None:
    """Raise `LastOwner` if `membership` is the last of `owners` and would stop being one."""
    if membership.role is Role.OWNER and wanted is not Role.OWNER and owners <= 1:
        raise LastOwner
