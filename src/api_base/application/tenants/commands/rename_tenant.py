"""Rename a tenant."""

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
class RenameTenant(Command[TenantDTO]):
    """A `name` of None leaves the name unchanged."""

    permission = permissions.UPDATE
    id: UUID
    expected_version: int | None
    name: str | None


class RenameTenantHandler:
    def __init__(self, tenants: TenantRepository, clock: Clock) -> None:
        self._tenants, self._clock = tenants, clock

    async def handle(self, command: RenameTenant) -> TenantDTO:
        """Rename the tenant. Raises `NotFound`, `StaleVersion`, `Invalid`."""
        tenant = await load(self._tenants, "tenant", own_tenant(command.id), command.expected_version)
        if command.name is not None and command.name.strip() != tenant.name:
            tenant.rename(command.name, self._clock.now())
            await self._tenants.update(tenant)
        return TenantDTO.of(tenant)
