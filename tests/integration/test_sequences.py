"""Sequences: in each tenant every number once and without gaps, whatever runs together, fails or is killed."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.core.errors import NoTransaction, ProgrammingError, Transient
from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from api_base.infrastructure.sequences.store import SqlSequences
from tests.integration.numbering_writer import loaded_parent, number_for_ever, numbered
from tests.support import Stored, act_for, stored

KILLS, WRITTEN = 3, 25
"""How often a writer is killed, and how many numbers each has written by then, at least."""


@pytest.fixture
async def store(shared_migrated: Urls) -> AsyncIterator[Stored]:
    async with stored(shared_migrated) as one:
        yield one


@pytest.fixture
def tenant() -> UUID:
    tenant = uuid4()
    act_for(tenant)
    return tenant


async def taken(store: Stored, name: str = "article_no") -> int:
    async with store.begin(Isolation.OPTIMISTIC):
        return await SqlSequences().next(name)


async def numbers(urls: Urls, tenant: UUID) -> list[int]:
    connection = await asyncpg.connect(urls.owner)
    rows = await connection.fetch("select sku from items where tenant_id = $1", tenant)
    await connection.close()
    return sorted(int(row["sku"].removeprefix("NO-")) for row in rows)


async def test_each_name_counts_from_one_in_each_tenant(store: Stored, tenant: UUID) -> None:
    assert [await taken(store) for _ in range(3)] == [1, 2, 3]
    assert await taken(store, "invoice_no") == 1
    act_for(uuid4())
    assert await taken(store) == 1
    act_for(tenant)
    assert await taken(store) == 4


async def test_units_that_run_together_get_every_number_once(store: Stored, tenant: UUID, shared_migrated: Urls) -> None:
    found = await asyncio.gather(*(numbered(store, tenant) for _ in range(40)))
    assert sorted(found) == await numbers(shared_migrated, tenant) == list(range(1, 41))


async def test_serializable_units_repeat_and_lose_no_number(store: Stored, tenant: UUID) -> None:
    async def repeated() -> int:
        while True:
            try:
                async with store.begin(Isolation.SERIALIZABLE):
                    return await SqlSequences().next("article_no")
            except Transient:
                await asyncio.sleep(0)

    assert sorted(await asyncio.gather(*(repeated() for _ in range(8)))) == list(range(1, 9))


async def test_what_fails_gives_its_number_back(store: Stored, tenant: UUID) -> None:
    assert await taken(store) == 1
    with pytest.raises(ValueError, match="refused"):
        async with store.begin(Isolation.OPTIMISTIC):
            assert [await SqlSequences().next("article_no") for _ in range(2)] == [2, 3]
            raise ValueError("refused")
    async with store.begin(Isolation.OPTIMISTIC):
        with pytest.raises(ValueError, match="element"):
            async with savepoint():
                assert await SqlSequences().next("article_no") == 2
                raise ValueError("element")
        assert await SqlSequences().next("article_no") == 2
    assert await taken(store) == 3


async def test_a_killed_process_leaves_no_gap_and_no_number_twice(store: Stored, tenant: UUID, shared_migrated: Urls) -> None:
    parent = loaded_parent()
    for kill in range(1, KILLS + 1):
        process = parent.Process(target=number_for_ever, args=(shared_migrated, tenant))
        process.start()
        async with asyncio.timeout(60):
            while len(await numbers(shared_migrated, tenant)) < kill * WRITTEN:
                await asyncio.sleep(0.01)
        process.kill()
        await asyncio.to_thread(process.join)
    following = await numbered(store, tenant)  # waits for transactions that the server has not ended yet
    assert await numbers(shared_migrated, tenant) == list(range(1, following + 1))


async def test_outside_of_a_command_there_is_no_number(tenant: UUID) -> None:
    with pytest.raises(NoTransaction):
        await SqlSequences().next("article_no")


@pytest.mark.parametrize("name", ["", "Article", "article-no", "1st", "a" * 64])
async def test_other_names_are_refused(store: Stored, tenant: UUID, name: str) -> None:
    with pytest.raises(ProgrammingError, match="does not name a sequence"):
        await taken(store, name)


async def test_no_tenant_reads_or_moves_the_sequences_of_another(store: Stored, tenant: UUID, shared_migrated: Urls) -> None:
    await taken(store)
    connection = await asyncpg.connect(shared_migrated.app)
    await connection.execute("select set_config('app.tenant_id', $1, false)", str(uuid4()))
    assert await connection.fetchval("select count(*) from sequences") == 0
    assert await connection.execute("update sequences set value = 100") == "UPDATE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("insert into sequences values ($1, 'article_no', 7)", tenant)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("delete from sequences")
    await connection.close()
