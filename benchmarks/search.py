"""Search in PostgreSQL as the role `app`: `/search` and `q` on lists in a tenant with many items and in one with 1,000, and commit to findable.

`SEARCH_ITEMS=10000 python -m benchmarks search` measures a smaller tenant than the default of 100,000. There are 1,000 other small tenants.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from api_base.application.common.listing import ListRequest
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.search import ITEM_INDEX
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.protocols import SearchRequest
from api_base.core.types import RequestContext, current_context
from api_base.domain.items.entities import ItemDetails
from api_base.infrastructure.items.queries import ListItemsHandler
from benchmarks.events import act_for, worker
from benchmarks.lists import fill
from benchmarks.report import show
from benchmarks.world import Member, World, members, world

SMALL, LARGE = 1_000, int(os.environ.get("SEARCH_ITEMS", "100000"))
ROUNDS, SEARCHES, COMMITS = 3, 30, 100
QUERIES: Final = {
    "a title": "chair 0050 ",
    "a title and longer numbers": "chair 0050",
    "a universal word": "chair",
    "two universal words": "wood legs",
    "a universal word and a rare one": "legs 0050",
    "a word of 5 % and a universal one": "07 wood",
    "two mistyped universal words": "chiar wodo",
    "no match": "nothing here",
}
"""Titles are `Chair 0000` and so on; every description is `Four legs`, every item has the tag `wood`. The text
without a space at its end also finds numbers of articles that begin with 0050, of which the larger tenant has more."""
INDEX: Final = """
insert into search_documents (tenant_id, generation, id, version, digest, title, title_key, document, words)
select tenant_id, (select id from search_generations where index_name = 'items' and state = 'live'), id, version, '', name, title_key,
    jsonb_build_object('name', name, 'description', description, 'category', category, 'tags', tags, 'status', status), words
from items where deleted_at is null
"""

type Search = Callable[[str, UUID], Awaitable[object]]


def main() -> None:
    with world() as made:
        tenants = {SMALL: uuid4(), LARGE: uuid4()}
        asyncio.run(searches(made, tenants))
        people = members(made, 1, 1)
        with worker(made, "hearing:HEARING", HEARD=str(made.home / "heard")):
            found = asyncio.run(findable(made, people[0]))
        show("commit to findable, p50", [found[len(found) // 2]], "ms")
        show("commit to findable, p95", [found[len(found) * 95 // 100]], "ms", owed="<= 1000")


async def searches(made: World, tenants: dict[int, UUID]) -> None:
    current_context.set(RequestContext(request_id="bench"))
    async with opened(build(made.settings, BUILT_IN)) as services:
        await fill(made.admin, tenants)
        await index(made.admin)
        for way, (search, owed) in ways(services).items():
            for name, q in QUERIES.items():
                rounds = [await p95(search, q, tenants) for _ in range(ROUNDS)]
                show(f"{way}, {name}, {LARGE:,} items, p95", [large for _, large in rounds], "ms", owed=owed)
                show(f"{way}, {name}, against {SMALL:,} items", [large / small for small, large in rounds], "×")


async def index(admin: str) -> None:
    connection = await asyncpg.connect(admin)
    await connection.execute(INDEX)
    await connection.execute("select note_search_words(tenant_id, generation::text, words) from search_documents")
    await connection.execute("vacuum analyze")
    await connection.close()


def ways(services: Services) -> dict[str, tuple[Search, str]]:
    """How to search, and what it may take."""
    engine, pages = services.container.search, ListItemsHandler(services.ports.database).pages
    facets = ITEM_INDEX.facets
    return {
        "/search": (lambda q, tenant: engine.search(SearchRequest(indexes=("items",), q=q), tenant), "<= 50"),
        "/search with facets": (lambda q, tenant: engine.search(SearchRequest(indexes=("items",), q=q, facets=facets), tenant), "<= 150"),
        "list": (lambda q, tenant: pages.page(ListRequest(q=q, limit=20), tenant), "<= 50"),
    }


async def p95(search: Search, q: str, tenants: dict[int, UUID]) -> tuple[float, float]:
    """Milliseconds for the small and the large tenant, measured alternately, so that other load affects both."""
    taken: dict[int, list[float]] = {size: [] for size in tenants}
    for _ in range(SEARCHES):
        for size, tenant in tenants.items():
            began = time.perf_counter()
            await search(q, tenant)
            taken[size].append((time.perf_counter() - began) * 1e3)
    small, large = (sorted(times)[SEARCHES * 95 // 100] for times in taken.values())
    return small, large


async def findable(made: World, member: Member) -> list[float]:
    """Sorted milliseconds between the end of a command and the first search that finds its item."""
    act_for(member)
    taken: list[float] = []
    async with opened(build(made.settings, BUILT_IN)) as services:
        engine, tenant = services.container.search, member.tenant
        for number in range(COMMITS):
            name = f"findable {number:06}"
            await services.bus.execute(CreateItem(details=ItemDetails(sku=f"F-{number}", name=name, category="c")))
            began = time.perf_counter()
            while not (await engine.search(SearchRequest(indexes=("items",), q=name, highlight=False), tenant)).hits:
                await asyncio.sleep(0.002)
            taken.append((time.perf_counter() - began) * 1e3)
    return sorted(taken)
