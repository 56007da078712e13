"""p95 of a page for each declared filter and sort, of a tenant with 100,000 items against one with 1,000, as the role `app`."""

import asyncio
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import asyncpg

from api_base.application.common.listing import ListRequest
from api_base.application.items.queries.list_items import ITEM_FIELDS
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build, opened
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.items.queries import ListItemsHandler
from api_base.interface.listing import list_request
from benchmarks.world import World, world

SMALL, LARGE, PAGES = 1_000, 100_000, 60

VALUES = {
    "sku": "SKU-0000100",
    "name": "Chair 0100",
    "category": "category 07",
    "status": "published",
    "tags": "tag 7",
    "price.amount": "12.50",
    "price.currency": "EUR",
    "created_at": "2026-06-01T00:00:00Z",
    "updated_at": "2026-06-01T00:00:00Z",
    "deleted_at": "2026-06-01T00:00:00Z",
}
"""A value for each field, with rows on both sides of it."""


def main() -> None:
    with world() as made:
        asyncio.run(measure(made))


async def measure(made: World) -> None:
    tenants = {SMALL: uuid4(), LARGE: uuid4()}
    await fill(made.admin, tenants)
    current_context.set(RequestContext(request_id="bench"))
    async with opened(build(made.settings, BUILT_IN)) as services:
        handler = ListItemsHandler(services.ports.database)
        for name, query, scans in queries():
            request = list_request(query.encode(), ITEM_FIELDS, searchable=True)
            small, large = await p95(handler, request, tenants[SMALL]), await p95(handler, request, tenants[LARGE])
            note = "scan declared" if scans else ("" if large <= 2 * small else "OVER 2x")
            print(f"{name:34} p95 {small * 1e3:7.2f} ms {large * 1e3:8.2f} ms  ratio {large / small:6.2f}  {note}", flush=True)


def queries() -> Iterator[tuple[str, str, bool]]:
    """Name, query string, whether the field admits to scan."""
    for field in ITEM_FIELDS:
        for operator in sorted(field.operators, key=lambda one: one.value):
            needed = f"&{field.needs}=EUR" if field.needs else ""
            value = "true" if operator.value == "is_null" else VALUES[field.name]
            yield f"{field.name}[{operator.value}]", f"{field.name}[{operator.value}]={value}{needed}", operator in field.scan
        if field.sortable:
            for sign in ("", "-"):
                yield f"sort={sign}{field.name}", f"sort={sign}{field.name}" + (f"&{field.needs}=EUR" if field.needs else ""), False
    yield "q", "q=chair 0100", False


async def p95(handler: ListItemsHandler, request: ListRequest, tenant: UUID) -> float:
    """Seconds."""
    taken = []
    for _ in range(PAGES):
        began = time.perf_counter()
        await handler.pages.page(request, tenant)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[int(PAGES * 0.95)]


async def fill(admin: str, tenants: dict[int, UUID]) -> None:
    connection = await asyncpg.connect(admin)
    for count, tenant in tenants.items():
        await connection.execute(
            """insert into items select $1, gen_random_uuid(), 'SKU-' || lpad(n::text, 7, '0'), 'Chair ' || lpad((n % ($2 / 10))::text, 4, '0'),
            'Four legs', 1000 + n % 5000, case n % 10 when 0 then 'USD' else 'EUR' end, 'category ' || lpad((n % 20)::text, 2, '0'),
            array['wood', 'tag ' || n % 50], '{}', (array['draft', 'published', 'archived'])[1 + n % 3], 1,
            timestamptz '2026-06-01' + n * interval '1 minute' - $2 * interval '30 seconds',
            timestamptz '2026-06-01' + n * interval '1 minute' - $2 * interval '30 seconds',
            case n % 20 when 0 then timestamptz '2026-06-01' + n * interval '1 minute' - $2 * interval '30 seconds' end
            from generate_series(1, $2::int) n""",
            tenant,
            count,
        )
    await connection.execute("vacuum analyze items")
    await connection.close()
