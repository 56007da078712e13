"""Search in Elasticsearch and OpenSearch of `make services`: commit to findable, and searches in an index of `SEARCH_ITEMS` documents (20,000)."""

import asyncio
import os
import time
from uuid import uuid4

from pydantic import SecretStr

from api_base.core.protocols import SearchRequest
from benchmarks.events import worker
from benchmarks.report import show
from benchmarks.search import findable
from benchmarks.world import World, members, world
from tests.factories.search import FILMS, declared, film, server_index
from tests.services import address

DOCUMENTS = int(os.environ.get("SEARCH_ITEMS", "20000"))
SEARCHES = 200
QUERIES = {"two words": "wood 0050", "two universal words": "film wood", "two mistyped words": "flim wodo"}


def main() -> None:
    for server, variable in (("elasticsearch", "TEST_ELASTICSEARCH_URL"), ("opensearch", "TEST_OPENSEARCH_URL")):
        url = address(server, variable)
        with world() as made:
            search = made.settings.search.model_copy(update={"url": SecretStr(url), "prefix": f"bench-{uuid4().hex}"})
            there = World(made.urls, made.admin, made.home, made.settings.model_copy(update={"search": search}))
            person = members(there, 1, 1)[0]
            with worker(there, "hearing:HEARING", HEARD=str(there.home / "heard"), SEARCH__URL=url, SEARCH__PREFIX=search.prefix):
                found = asyncio.run(findable(there, person))
        show(f"{server}: commit to findable, p50", [found[len(found) // 2]], "ms")
        show(f"{server}: commit to findable, p95", [found[len(found) * 95 // 100]], "ms", owed="<= 1000")
        asyncio.run(searches(server, url))


async def searches(server: str, url: str) -> None:
    tenant = uuid4()
    async with server_index(url, declared(FILMS)) as index:
        for start in range(0, DOCUMENTS, 1000):
            await index.write(
                [film(tenant, f"Film {n % 10_000:04}", plot="of wood", genre=f"g{n % 9}") for n in range(start, start + 1000)]
            )
        await index.refresh()
        for facets in ((), ("genre", "seen")):
            for name, q in QUERIES.items():
                taken = []
                for _ in range(SEARCHES):
                    began = time.perf_counter()
                    await index.search(SearchRequest(indexes=("films",), q=q, facets=facets), tenant)
                    taken.append((time.perf_counter() - began) * 1e3)
                p95 = sorted(taken)[SEARCHES * 95 // 100]
                show(f"{server}: {name}{', with facets' if facets else ''}, {DOCUMENTS:,} documents, p95", [p95], "ms")
