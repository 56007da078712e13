"""Found a tenant; its founder is its first owner."""

from dataclasses import dataclass
from typing import ClassVar

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.application.tenants.dtos import TenantDTO
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import TenantId, UserId, request_user
from api_base.domain.common.value_objects import Slug
from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.repository import MembershipRepository, TenantRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTenant(Command[TenantDTO]):
    permission: ClassVar[str] = AUTHENTICATED
    name: str
    slug: str


class TenantFactory:
    """Makes a tenant with its first owner; used by the command and by the registration's subscriber."""

    def __init__(self, tenants: TenantRepository, memberships: MembershipRepository, ids: IdGenerator, clock: Clock) -> None:
        self._tenants, self._memberships, self._ids, self._clock = tenants, memberships, ids, clock

    async def found(self, *, name: str, slug: Slug, owner: UserId, personal: bool = False) -> Tenant:
        now = self._clock.now()
        tenant = Tenant.create(id=self._ids.new(), name=name, slug=slug, now=now, personal=personal)
        await self._tenants.create(tenant)
        await self._memberships.create(
            Membership.begin(id=self._ids.new(), tenant_id=TenantId(tenant.id), user_id=owner, role=Role.OWNER, now=now)
        )
        return tenant


class CreateTenantHandler:
    def __init__(self, founding: TenantFactory) -> None:
        self._tenant_factory = founding

    async def handle(self, command: CreateTenant) -> TenantDTO:
        """Raises `Invalid`; `SlugTaken` when the unit of work ends."""
        return TenantDTO.of(await self._tenant_factory.found(name=command.name, slug=Slug.parse(command.slug), owner=request_user()))
