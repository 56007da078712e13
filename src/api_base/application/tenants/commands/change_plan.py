"""Change the plan of a tenant. For platform administrators."""

from collections.abc import Sequence
from dataclasses import dataclass

from api_base.application.common.aggregates import found
from api_base.application.common.cqrs import Command
from api_base.application.tenants import permissions
from api_base.application.tenants.dtos import TenantDTO
from api_base.core.errors import Invalid
from api_base.core.protocols import Clock
from api_base.core.types import TenantId
from api_base.domain.tenants.repository import TenantRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan(Command[TenantDTO]):
    permission = permissions.CHANGE_PLAN
    id: TenantId
    expected_version: int | None
    plan: str


class ChangePlanHandler:
    """`plans` are the names of the plans."""

    def __init__(self, tenants: TenantRepository, plans: Sequence[str], clock: Clock) -> None:
        self._tenants, self._plans, self._clock = tenants, plans, clock

    async def handle(self, command: ChangePlan) -> TenantDTO:
        """Change the plan. Raises `Invalid` for an unknown plan, `NotFound`, `StaleVersion`."""
        if command.plan not in self._plans:
            raise Invalid.of("/plan", "plan", f"must be a plan of this server: {', '.join(self._plans)}")
        tenant = found(await self._tenants.named(command.id), "tenant", command.id, command.expected_version)
        if command.plan != tenant.plan:
            tenant.change_plan(command.plan, self._clock.now())
            await self._tenants.update(tenant)
        return TenantDTO.of(tenant)
