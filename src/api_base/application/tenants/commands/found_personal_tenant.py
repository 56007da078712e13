"""Whoever registers gets a personal tenant, in the same transaction."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.tenants.commands.create_tenant import TenantFactory
from api_base.core.types import UserId
from api_base.domain.common.value_objects import Slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What this context wants of `users.registered.v1`."""

    aggregate_id: UUID
    display_name: str


class FoundPersonalTenant:
    def __init__(self, founding: TenantFactory) -> None:
        self._tenant_factory = founding

    async def handle(self, event: Registered) -> None:
        slug = Slug(f"personal-{event.aggregate_id.hex}")
        await self._tenant_factory.found(name=event.display_name, slug=slug, owner=UserId(event.aggregate_id), personal=True)
