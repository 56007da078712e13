"""p95 of a page for each declared filter and sort, at the start and far behind a cursor, as the role `app`.

Compares a tenant with 100,000 items with one with 1,000, in a database with 1,000 other small tenants.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg

from api_base.application.common.listing import ListRequest
from api_base.application.items.queries import ITEM_FIELDS
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build, opened
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.items.queries import ListItemsHandler
from api_base.interface.listing import list_request
from benchmarks.world import World, world

SMALL, LARGE, PAGES, ROUNDS, LIMIT = 1_000, 100_000, 100, 3, 2.0
FAR = {SMALL: 100, LARGE: 2_000}

VALUES = {
    "sku": "SKU-0000100",
    "name": "Chair 0050",
    "category": "category 07",
    "status": "published",
    "tags": "tag 7",
    "price.amount": "12.50",
    "price.currency": "EUR",
    "created_at": "2026-06-01T00:00:00Z",
    "updated_at": "2026-06-01T00:00:00Z",
    "deleted_at": "2026-06-01T00:00:00Z",
}
"""A value for each field, with rows below and above it."""


def main() -> None:
    with world() as made:
        asyncio.run(measure(made))


async def measure(made: World) -> None:
    tenants = {SMALL: uuid4(), LARGE: uuid4()}
    await fill(made.admin, tenants)
    current_context.set(RequestContext(request_id="bench"))
    ratios: dict[str, float] = {}
    async with opened(build(made.settings, BUILT_IN)) as services:
        handler = ListItemsHandler(services.ports.database)
        for name, query, scans in queries():
            request = list_request(query.encode(), ITEM_FIELDS, searchable=True)
            for place, pair in await places(handler, request, tenants):
                rounds = sorted([await p95(handler, pair, tenants) for _ in range(ROUNDS)], key=lambda times: times[1] / times[0])
                small, large = rounds[ROUNDS // 2]
                print(f"{name + place:34} p95 {small * 1e3:7.2f} ms {large * 1e3:8.2f} ms  ratio {large / small:6.2f}", end="", flush=True)
                print("  scan declared" if scans else "" if large <= LIMIT * small else "  over")
                if not scans:
                    ratios[name + place] = large / small
    worst = max(ratios, key=lambda name: ratios[name])
    over = sum(ratio > LIMIT for ratio in ratios.values())
    print(f"worst ratio {ratios[worst]:.2f} ({worst}); {over} of {len(ratios)} over {LIMIT:g}, owed: none")


def queries() -> Iterator[tuple[str, str, bool]]:
    """The name, the query string, and whether the field declares a scan."""
    for field in ITEM_FIELDS:
        for operator in sorted(field.operators, key=lambda one: one.value):
            needed = f"&{field.needs}=EUR" if field.needs else ""
            value = "true" if operator.value == "is_null" else VALUES[field.name]
            yield f"{field.name}[{operator.value}]", f"{field.name}[{operator.value}]={value}{needed}", operator in field.scan
        if field.sortable:
            for sign in ("", "-"):
                yield f"sort={sign}{field.name}", f"sort={sign}{field.name}" + (f"&{field.needs}=EUR" if field.needs else ""), False
    yield "q", "q=chair 0100", False


async def places(handler: ListItemsHandler, request: ListRequest, tenants: dict[int, UUID]) -> list[tuple[str, dict[int, ListRequest]]]:
    """The first page and, if both tenants have it, the page after the first `FAR` rows."""
    found = [("", dict.fromkeys(tenants, request))]
    cursors = {size: (await handler.pages.page(replace(request, limit=FAR[size]), tenant)).next_cursor for size, tenant in tenants.items()}
    if all(cursors.values()):
        found.append((" far", {size: replace(request, cursor=cursor) for size, cursor in cursors.items()}))
    return found


async def p95(handler: ListItemsHandler, requests: dict[int, ListRequest], tenants: dict[int, UUID]) -> tuple[float, float]:
    """Seconds for the small and the large tenant, measured alternately, so that other load affects both."""
    taken: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for _ in range(PAGES):
        for size, tenant in tenants.items():
            began = time.perf_counter()
            await handler.pages.page(requests[size], tenant)
            taken[size].append(time.perf_counter() - began)
    small, large = (sorted(times)[int(PAGES * 0.95)] for times in (taken[SMALL], taken[LARGE]))
    return small, large


async def fill(admin: str, tenants: dict[int, UUID]) -> None:
    connection = await asyncpg.connect(admin)
    for count, tenant in [*tenants.items(), *((20, uuid4()) for _ in range(1000))]:
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
