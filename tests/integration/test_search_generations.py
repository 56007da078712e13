"""The table of PostgreSQL: the parts in which it is written, and what generations leave behind."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from api_base.core.protocols import TOMBSTONES
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.search import postgresql_index
from tests.search_engines import Engine, film, gone, postgresql


@pytest.fixture
def opening(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return postgresql(request)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_index, "PART", 2)


async def test_nothing_of_a_removed_generation_is_left(opening: AbstractAsyncContextManager[Engine], admin_of_migrated: str) -> None:
    tenant = uuid4()
    films = [film(tenant, f"Film about {word}") for word in ("one", "two", "three", "four", "five")]
    connection = await asyncpg.connect(admin_of_migrated)
    try:
        async with opening as engine:
            await engine.put(*films)
            for change in (engine.index.begin, engine.index.begin, engine.index.swap, engine.index.begin, engine.index.swap):
                await change("films")
            await engine.put(film(tenant, "Last"))
            left = "select count(*) from {} where tenant_id = $1 and {} not in (select id::text from search_generations)"
            assert await connection.fetchval(left.format("search_documents", "generation::text"), tenant) == 0
            assert await connection.fetchval(left.format("search_words", "source"), tenant) == 0
            assert await connection.fetchval("select count(*) from search_documents where tenant_id = $1", tenant) == 2
            assert {row[0] for row in await connection.fetch("select word from search_words where tenant_id = $1", tenant)} == {"last"}
    finally:
        await connection.close()


async def test_old_tombstones_are_forgotten_in_parts(opening: AbstractAsyncContextManager[Engine], admin_of_migrated: str) -> None:
    tenant = uuid4()
    films = [film(tenant, "Film") for _ in range(5)]
    connection = await asyncpg.connect(admin_of_migrated)
    try:
        async with opening as engine:
            await engine.put(*(gone(one, 2) for one in films), film(tenant, "Alive"))
            await connection.execute(
                "update search_documents set written_at = now() - $2::interval where tenant_id = $1",
                tenant,
                TOMBSTONES + timedelta(seconds=1),
            )
            assert await engine.index.forget() == 5
            assert await engine.titles(tenant) == ["Alive"]
    finally:
        await connection.close()


async def test_long_documents_are_written_in_parts(opening: AbstractAsyncContextManager[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    """500 items with long descriptions would take longer than one statement may: no index of them could be rebuilt."""
    monkeypatch.setattr(postgresql_index, "WRITE_CHARACTERS", 50_000)
    sent: list[int] = []

    async def send(connection: Connection, arguments: Sequence[Any]) -> None:
        sent.append(len(arguments[3]))
        await send_all(connection, arguments)

    send_all = postgresql_index._send
    monkeypatch.setattr(postgresql_index, "_send", send)
    tenant = uuid4()
    async with opening as engine:
        await engine.put(*(film(tenant, f"Film {n}", plot="word " * 2000) for n in range(7)), film(tenant, "Short"))
        assert max(sent) < 7
        assert sum(sent) == 8
        assert (await engine.find(tenant)).total.value == 8
