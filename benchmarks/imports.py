"""Import of 10,000 items through the application, with rules and audit, against COPY into the same tables with the same indexes."""

import asyncio
import json
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from api_base.application.items.commands.import_items import ImportItems
from api_base.application.items.importing.mapping import ItemMapping
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from benchmarks.report import show
from benchmarks.world import World, item_row, world

ROUNDS, ROWS, CHUNK = 7, 10_000, 1000
MAPPING = ItemMapping.parse(
    ["sku=s", "name=n", "category=c[0]", "tags=c[]", "attributes.year=y", "description=d"], ["price=9.90", "currency=EUR"]
)


def main() -> None:
    with world() as made:
        ours, copy = asyncio.run(measure(made))
    show("import of 10,000 rows, rules and audit kept", [ROWS / seconds for seconds in ours], "rows/s")
    show("COPY of the same rows into the same tables", [ROWS / seconds for seconds in copy], "rows/s")
    show("import against COPY", [b / a for a, b in zip(ours, copy, strict=True)], "", owed=">= 0.30 (0.50 later)")


async def measure(made: World) -> tuple[list[float], list[float]]:
    ours, copy = [], []
    async with opened(build(made.settings, BUILT_IN)) as services:
        for turn in range(ROUNDS + 1):
            figures = await through_the_application(services), await by_copy(made.admin)
            if turn:
                ours.append(figures[0])
                copy.append(figures[1])
    return ours, copy


def record(n: int) -> dict[str, str]:
    return {"s": f"SKU-{n:07}", "n": f"Chair {n % 1000:04}", "c": f"category {n % 20:02}, tag {n % 50}", "y": "2026", "d": "Four legs"}


async def through_the_application(services: Services) -> float:
    """Seconds, from records to the last commit."""
    tenant = TenantId(uuid4())
    permissions = frozenset({"items:import"})
    principal = Principal(
        user_id=UserId(uuid4()), session_id=None, tenant_id=tenant, role="owner", platform_admin=False, permissions=permissions
    )
    current_context.set(RequestContext(request_id="bench", principal=principal))
    began = time.perf_counter()
    for start in range(0, ROWS, CHUNK):
        rows = [MAPPING.details(record(n)) for n in range(start, start + CHUNK)]
        await services.bus.execute(ImportItems(rows=rows))
    return time.perf_counter() - began


async def by_copy(admin: str) -> float:
    tenant, now = uuid4(), datetime.now(UTC)
    items = [item_row(tenant, uuid4(), n, now) for n in range(ROWS)]
    audit = [audit_row(tenant, row[1], row, now) for row in items]
    connection = await asyncpg.connect(admin)
    try:
        began = time.perf_counter()
        async with connection.transaction():
            await connection.copy_records_to_table("items", records=items)
            await connection.copy_records_to_table("audit", records=audit)
        return time.perf_counter() - began
    finally:
        await connection.close()


def audit_row(tenant: UUID, id: object, row: tuple[object, ...], now: datetime) -> tuple[object, ...]:
    after = json.dumps({"sku": row[2], "name": row[3], "description": row[4], "category": row[7], "tags": row[8], "status": row[10]})
    return uuid4(), tenant, now, None, "bench", "", "", "item.created", "item", id, None, after
