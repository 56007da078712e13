"""Import 10,000 items through the application, with rules and audit, against COPY of the rows that the import wrote.

COPY uses the same indexes and constraints, but no policies: it runs as superuser. It copies the imported rows for another tenant with
other ids, in one transaction.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from uuid_utils.compat import uuid7

from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.items.commands.import_items import ITEM_SCHEMA, ImportItems
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.types import Principal, RequestContext, TenantId, UserId, current_context
from api_base.infrastructure.items.tables import ITEMS
from benchmarks.report import ROUNDS, show
from benchmarks.world import World, world

ROWS, CHUNK = 10_000, 1000
MAPPING = ColumnMapping.parse(
    ITEM_SCHEMA, ["sku=s", "name=n", "category=c[0]", "tags=c[]", "attributes.year=y", "description=d"], ["price=9.90", "currency=EUR"]
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
            tenant = TenantId(uuid4())
            figures = await through_the_application(services, tenant), await by_copy(made.admin, tenant)
            if turn:
                ours.append(figures[0])
                copy.append(figures[1])
    return ours, copy


def record(n: int) -> dict[str, str]:
    return {"s": f"SKU-{n:07}", "n": f"Chair {n % 1000:04}", "c": f"category {n % 20:02}, tag {n % 50}", "y": "2026", "d": "Four legs"}


async def through_the_application(services: Services, tenant: TenantId) -> float:
    """Seconds from the first record to the last commit."""
    permissions = frozenset({"items:import"})
    principal = Principal(
        user_id=UserId(uuid4()), session_id=None, tenant_id=tenant, role="owner", platform_admin=False, permissions=permissions
    )
    current_context.set(RequestContext(request_id="bench", principal=principal))
    began = time.perf_counter()
    for start in range(0, ROWS, CHUNK):
        rows = [(n, MAPPING.row(record(n))) for n in range(start, start + CHUNK)]
        await services.bus.execute(ImportItems(rows=rows))
    return time.perf_counter() - began


async def by_copy(admin: str, imported: UUID) -> float:
    """Seconds to COPY the rows of the tenant `imported` for another tenant."""
    connection = await asyncpg.connect(admin)
    try:
        tenant, ids = uuid4(), Ids()
        items, audit = await stored(connection, "items", imported), await stored(connection, "audit", imported)
        assert len(items) == len(audit) == ROWS
        written = ITEMS.columns.keys()  # without the generated ones
        items = [{name: row[name] for name in written} | {"tenant_id": tenant, "id": ids[row["id"]]} for row in items]
        audit = [copied_record(row, tenant, ids) for row in audit]
        began = time.perf_counter()
        async with connection.transaction():
            await copy(connection, "items", items)
            await copy(connection, "audit", audit)
        return time.perf_counter() - began
    finally:
        await connection.close()


class Ids(dict[UUID, UUID]):
    """A new id for each row, ordered by time, as the import creates them."""

    def __missing__(self, id: UUID) -> UUID:
        return self.setdefault(id, uuid7())


async def stored(connection: asyncpg.Connection, table: str, tenant: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(f"select * from {table} where tenant_id = $1 order by id", tenant)]


def copied_record(row: dict[str, Any], tenant: UUID, ids: Ids) -> dict[str, Any]:
    id = ids[row["entity_id"]]
    after = row["after"].replace(str(row["tenant_id"]), str(tenant)).replace(str(row["entity_id"]), str(id))
    return row | {"id": uuid7(), "tenant_id": tenant, "entity_id": id, "after": after}


async def copy(connection: asyncpg.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    await connection.copy_records_to_table(table, records=[tuple(row.values()) for row in rows], columns=list(rows[0]))
