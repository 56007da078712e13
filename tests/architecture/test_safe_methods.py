"""GET changes nothing in the database, on any route, as HTTP promises of safe methods [RFC 9110, section 9.2.1]."""

from collections.abc import AsyncIterator, Mapping

import asyncpg
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.architecture.examples import example
from tests.architecture.routes import ROUTES, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAFE = [route for route in ROUTES if route.method == "GET"]
ENDLESS = {"stream_events"}
"""An answer that has no end: HEAD is sent in place of GET. A subscription makes the row of its channel, which keeps the place of its events."""
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(shared_migrated: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(shared_migrated.owner)
    yield connection
    await connection.close()


async def rows(owner: asyncpg.Connection) -> Mapping[str, object]:
    """What every table holds, as one number each."""
    tables = [name for (name,) in await owner.fetch(TABLES)]
    return {name: await owner.fetchval(f"select sum(hashtextextended(t::text, 0)) from {name} t") for name in tables}


@pytest.mark.parametrize("route", SAFE, ids=lambda route: route.name)
async def test_a_get_changes_no_row(api: Running, owner: asyncpg.Connection, route: Route) -> None:
    sent = await example(api, route)
    before = await rows(owner)
    assert (await sent.send(api.client, "HEAD" if route.name in ENDLESS else None)).status_code == route.success
    assert await rows(owner) == before


async def test_a_change_of_a_row_is_seen(api: Running, owner: asyncpg.Connection) -> None:
    person = await api.person()
    before = await rows(owner)
    await api.item(person)
    after = await rows(owner)
    assert {name for name in before if before[name] != after[name]} >= {"items", "audit", "outbox"}


PAGES = [
    "/docs",
    "/docs/graphiql",
    "/docs/reference",
    "/openapi.json",
    "/asyncapi.json",
    "/metrics",
    "/problems/conflict",
    "/events/items.created.v1.json",
    "/links/reset-password",
]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_that_answers_get_answers_head_and_says_so(api: Running, path: str) -> None:
    get, head, trace = [await api.client.request(method, path) for method in ("GET", "HEAD", "TRACE")]
    assert (get.status_code, head.status_code, head.content) == (200, 200, b"")
    assert trace.status_code == 405
    assert {"GET", "HEAD"} <= set(trace.headers["allow"].split(", "))
