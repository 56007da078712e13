"""A search server with the table of PostgreSQL behind it, when the server goes away and comes back."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from api_base.application.common.search import FallbackSearchIndex
from api_base.core.errors import Conflict, Unavailable
from api_base.core.protocols import TOMBSTONES, Generation, SearchRequest
from tests.factories.search import eventually, server_index
from tests.search_engines import FILMS, OTHERS, Engine, declared, film, gone, postgresql
from tests.services import Toxiproxy


@pytest.fixture
def opening(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return postgresql(request)


@pytest.fixture(params=["elasticsearch", "opensearch"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


async def test_the_database_answers_while_the_server_is_away(
    url: str, opening: AbstractAsyncContextManager[Engine], toxiproxy: Toxiproxy
) -> None:
    parts, tenant = urlsplit(url), uuid4()
    with toxiproxy.to(f"{parts.hostname}:{parts.port}") as proxy:
        behind = parts._replace(netloc=f"{proxy.host}:{proxy.port}").geturl()
        async with server_index(behind, declared(FILMS, OTHERS)) as server, opening as database:
            both = FallbackSearchIndex(server, database.index)

            async def titles() -> list[str]:
                return [hit.title for hit in (await both.search(SearchRequest(indexes=("films",), q="film"), tenant)).hits]

            await server.begin("films")
            await server.swap("films")  # before the fallback was set up
            before = await server.states()
            with pytest.raises(Conflict):
                await both.revert("films")
            assert await server.states() == before, "neither is put back, because the other cannot be"

            await both.write([film(tenant, "Film one")])
            await server.refresh()
            assert await titles() == ["Film one"]
            second = film(tenant, "Film two")
            with proxy.down():
                with pytest.raises(Unavailable):
                    await both.write([second])
                assert sorted(await titles()) == ["Film one", "Film two"]

            async def written_again() -> bool:
                try:
                    await both.write([second])
                except Unavailable:
                    return False
                return True

            await eventually(written_again)
            await server.refresh()
            assert sorted(await titles()) == ["Film one", "Film two"]
            await both.begin("films")
            await both.fill([second])
            await both.swap("films")
            for index in (server, database.index):
                held = [one.id async for batch in index.scan("films", Generation.LIVE) for one in batch]
                assert held == [second.id]
                assert {Generation.LIVE, Generation.PREVIOUS} == set((await index.states())[0].digests)
            assert await both.check() == f"{await server.check()}, or else PostgreSQL"


async def test_postgresql_repairs_a_document_and_forgets_old_tombstones(
    opening: AbstractAsyncContextManager[Engine], admin_of_migrated: str
) -> None:
    async with opening as database:
        one, other = film(uuid4(), "Wrong"), film(uuid4(), "Deleted")
        await database.index.write([one, other, gone(other, 2)])
        await database.index.repair([film(one.tenant_id, "Right", id=one.id)])
        assert await database.titles(one.tenant_id) == ["Right"]
        assert await database.index.forget() == 0, "an event may still write the document again"
        connection = await asyncpg.connect(admin_of_migrated)
        await connection.execute("update search_documents set written_at = now() - $1::interval", TOMBSTONES + timedelta(seconds=1))
        await connection.close()
        assert await database.index.forget() == 1
        held = [document.id async for batch in database.index.scan("films", Generation.LIVE) for document in batch]
        assert held == [one.id]
