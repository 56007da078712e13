"""Create a personal tenant for each new user, in the transaction of the registration."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.tenants.commands.create_tenant import TenantFactory
from api_base.core.types import UserId
from api_base.domain.common.value_objects import Slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The fields used of `users.registered.v1`."""

    aggregate_id: UUID
    display_name: str


class CreatePersonalTenant:
    def __init__(self, tenant_factory: TenantFactory) -> None:
        self._tenant_factory = tenant_factory

    async def handle(self, event: Registered) -> None:
        slug = Slug(f"personal-{event.aggregate_id.hex}")
        await self._tenant_factory.create(name=event.display_name, slug=slug, owner=UserId(event.aggregate_id), personal=True)
