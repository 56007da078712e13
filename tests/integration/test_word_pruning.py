"""The words that mistyped ones are compared with: those that no row has any longer are removed, and none that a row has, while rows are written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.text_search.pruner import WordPruner
from tests.application import Running, running, settings_on
from tests.search_engines import film, postgresql

pytestmark = pytest.mark.asyncio(loop_scope="module")
WORDS = "select word from search_words where tenant_id = $1"
RENAME = "update items set name = $2 where id = $1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        await opened.services.container.worker_database.open()
        yield opened
        await opened.services.container.worker_database.close()


@asynccontextmanager
async def owner(api: Running) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(api.services.settings.database.url_of("owner"))
    try:
        yield connection
    finally:
        await connection.close()


async def words(connection: asyncpg.Connection, tenant: UUID) -> set[str]:
    return {row["word"] for row in await connection.fetch(WORDS, tenant)}


async def prune(api: Running) -> None:
    """Check all words of items once."""
    pruner = WordPruner(api.services.ports.worker_database.pool, "items".__eq__, "search_items_unused($1, $2)", batch=3)
    while not await pruner.check():
        pass


async def test_words_of_no_item_are_removed(api: Running) -> None:
    person, other = await api.person(), await api.person()
    changed, kept = await api.item(person, name="Zebrafish lamp"), await api.item(person, name="Quokka lamp")
    await api.item(other, name="Zebrafish")
    async with owner(api) as connection:
        await connection.execute(RENAME, changed["id"], "Plain lamp")
        assert {"zebrafish", "plain", "quokka", "lamp"} <= await words(connection, person.tenant_id)
        await prune(api)
        left = await words(connection, person.tenant_id)
        assert left >= {"plain", "quokka", "lamp", "furniture"}
        assert "zebrafish" not in left
        assert "zebrafish" in await words(connection, other.tenant_id)
    found = await api.client.get("/api/v1/items?q=quoka", headers=person.headers)
    assert [item["id"] for item in found.json()["items"]] == [kept["id"]]


async def test_a_word_that_is_being_written_stays(api: Running) -> None:
    person = await api.person()
    item = await api.item(person, name="Zebrafish")
    async with owner(api) as connection, owner(api) as writer:
        await connection.execute(RENAME, item["id"], "Plain")
        async with writer.transaction():
            await writer.execute(RENAME, item["id"], "Zebrafish")
            await prune(api)
            assert "zebrafish" in await words(connection, person.tenant_id)
        await prune(api)
        left = await words(connection, person.tenant_id)
        assert ("zebrafish" in left, "plain" in left) == (True, False)


async def test_words_of_no_document_are_removed(request: pytest.FixtureRequest, admin_of_migrated: str) -> None:
    tenant = uuid4()
    connection = await asyncpg.connect(admin_of_migrated)
    try:
        async with postgresql(request) as engine:
            one = film(tenant, "Zebrafish film")
            await engine.put(one, film(tenant, "Quokka film"))
            await engine.put(film(tenant, "Plain film", id=one.id, version=2))
            assert {"zebrafish", "plain", "quokka", "film"} <= await words(connection, tenant)
            pruner = WordPruner(engine.index._worker, str.isdigit, "search_in_documents_unused($1, $3::text::integer, $2)", batch=3)
            while not await pruner.check():
                pass
            left = await words(connection, tenant)
            assert left >= {"plain", "quokka", "film"}
            assert "zebrafish" not in left
    finally:
        await connection.close()
