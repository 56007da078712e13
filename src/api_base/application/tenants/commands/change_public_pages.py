"""Let anybody read what a tenant has published, or end that."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.services.multitenancy import own_tenant
from api_base.application.tenants import permissions
from api_base.application.tenants.dtos import TenantDTO
from api_base.core.protocols import Clock
from api_base.domain.tenants.repository import TenantRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePublicPages(Command[TenantDTO]):
    permission = permissions.UPDATE
    id: UUID
    expected_version: int | None
    public_pages: bool


class ChangePublicPagesHandler:
    def __init__(self, tenants: TenantRepository, clock: Clock) -> None:
        self._tenants, self._clock = tenants, clock

    async def handle(self, command: ChangePublicPages) -> TenantDTO:
        """Switch the public pages on or off. Raises `NotFound`, `StaleVersion`."""
        tenant = await load(self._tenants, "tenant", own_tenant(command.id), command.expected_version)
        if command.public_pages != tenant.public_pages:
            tenant.show_publicly(command.public_pages, self._clock.now())
            await self._tenants.update(tenant)
        return TenantDTO.of(tenant)
