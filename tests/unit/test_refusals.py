"""Refusals in the audit trail: anybody can cause them, so equal ones leave two records a minute, and none is lost."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

from api_base.core.errors import ApiBaseError, Unauthenticated
from api_base.core.types import RequestContext, UserId
from api_base.domain.auth.errors import LoginRefused
from api_base.infrastructure.audit.models import AuditRecord
from api_base.infrastructure.audit.store import MAX_REFUSALS, SqlAuditStore
from tests.support import FixedClock, Ids
from tests.virtual_time import in_virtual_time


class Pool:
    """Keeps the records that are inserted."""

    def __init__(self) -> None:
        self.records: list[AuditRecord[str]] = []

    async def run(self, use: Any) -> None:
        await use(self)

    async def execute(self, statement: str, *record: Any) -> None:
        self.records.append(AuditRecord(*record))


class World:
    def __init__(self) -> None:
        self.pool = Pool()
        self.store = SqlAuditStore(self.pool, Ids(), FixedClock())  # type: ignore[arg-type] # all that it does with a pool is in `Pool`

    async def refuse(self, address: str, route: str = "/api/v1/items", error: ApiBaseError | None = None) -> None:
        context = RequestContext(request_id="r", address=address)
        await self.store.refused(context, "GET", route, 401, error or Unauthenticated("no token"))

    def stored(self) -> list[tuple[str, str, str, Any]]:
        """Address, action, entity and what changed of each record."""
        return [(one.address, one.action, one.entity, json.loads(one.after or "null")) for one in self.pool.records]


async def seconds(number: float) -> None:
    await asyncio.sleep(number)


@in_virtual_time
async def test_many_anonymous_requests_leave_two_records() -> None:
    world = World()
    for _ in range(150):
        await world.refuse("203.0.113.7")
    first = ("203.0.113.7", "refused.401", "GET /api/v1/items", None)
    assert world.stored() == [first]
    await seconds(61)
    assert world.stored() == [first, (*first[:3], {"others": 149})]
    assert len({record.id for record in world.pool.records}) == 2
    await world.refuse("203.0.113.7")
    await seconds(61)
    assert world.stored()[2:] == [first]


@in_virtual_time
async def test_each_network_route_and_account_is_counted_by_itself() -> None:
    world, ana, bo = World(), UserId(uuid4()), UserId(UUID(int=1))
    for _ in range(3):
        await world.refuse("2001:db8::1")
        await world.refuse("2001:db8::2:3")
        await world.refuse("2001:db8:1::1")
        await world.refuse("2001:db8::1", "/api/v1/tenants")
        await world.refuse("2001:db8::1", error=LoginRefused(ana))
        await world.refuse("2001:db8::1", error=LoginRefused(bo))
    assert len(world.stored()) == 5
    await seconds(61)
    assert sorted(after["others"] for *_, after in world.stored()[5:]) == [2, 2, 2, 2, 5]


@in_virtual_time
async def test_what_is_aggregated_is_bounded() -> None:
    world = World()
    for number in range(MAX_REFUSALS + 50):
        await world.refuse(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(world.stored()) == MAX_REFUSALS
    await seconds(61)
    await world.refuse("203.0.113.7")
    assert len(world.stored()) == MAX_REFUSALS + 1
