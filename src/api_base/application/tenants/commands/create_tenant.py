"""Create a tenant. The user who creates it is its first owner."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.application.tenants.dtos import TenantDTO
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import TenantId, UserId, request_user
from api_base.domain.common.value_objects import Slug
from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.repository import MembershipRepository, TenantRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTenant(Command[TenantDTO]):
    permission = AUTHENTICATED
    name: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The fields used of `users.registered.v1`."""

    aggregate_id: UUID
    display_name: str


class TenantFactory:
    """Creates a tenant with its first owner. The command and the subscriber to registrations use it."""

    def __init__(self, tenants: TenantRepository, memberships: MembershipRepository, ids: IdGenerator, clock: Clock) -> None:
        self._tenants, self._memberships, self._ids, self._clock = tenants, memberships, ids, clock

    async def create(self, *, name: str, slug: Slug, owner: UserId, personal: bool = False) -> Tenant:
        now = self._clock.now()
        tenant = Tenant.create(id=self._ids.new(), name=name, slug=slug, now=now, personal=personal)
        await self._tenants.create(tenant)
        await self._memberships.create(
            Membership.begin(id=self._ids.new(), tenant_id=TenantId(tenant.id), user_id=owner, role=Role.OWNER, now=now)
        )
        return tenant

    async def create_personal(self, event: Registered) -> None:
        """Create a personal tenant for each new user, in the transaction of the registration."""
        slug = Slug(f"personal-{event.aggregate_id.hex}")
        await self.create(name=event.display_name, slug=slug, owner=UserId(event.aggregate_id), personal=True)


class CreateTenantHandler:
    def __init__(self, tenant_factory: TenantFactory) -> None:
        self._tenant_factory = tenant_factory

    async def handle(self, command: CreateTenant) -> TenantDTO:
        """Create the tenant. Raises `Invalid`; the commit raises `SlugTaken`."""
        return TenantDTO.of(await self._tenant_factory.create(name=command.name, slug=Slug.parse(command.slug), owner=request_user()))
