"""Text search shows the items that have the words, of this tenant, and no others; similar words only if no item has them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.application.common.listing import ListRequest
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.queries import ListItems
from api_base.bootstrap.services import Services
from api_base.infrastructure.db.embedded import Urls
from tests.factories.items import details
from tests.integration.test_logins_and_the_pool import services
from tests.support import act_for

NAMES = ("The Godfather", "Disco Godfather", "Godfather of the Bride", "100% Wolf", "100 Wolves")


@pytest.fixture
async def films(migrated: Urls, tmp_path: Path) -> AsyncIterator[Services]:
    async with services(migrated, tmp_path) as made:
        for tenant in (uuid4(), uuid4()):
            act_for(tenant, permissions=frozenset({"items:read", "items:create"}))
            for sku, name in zip("abcde", NAMES, strict=True):  # the numbered ones of `details` are found by their numbers
                await made.bus.execute(CreateItem(details=details(sku=sku, name=name)))
        yield made


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("godfather", {"The Godfather", "Disco Godfather", "Godfather of the Bride"}),
        ("the GODFATHER", {"The Godfather", "Godfather of the Bride"}),
        ("godfather the", {"The Godfather", "Godfather of the Bride"}),
        ('"the godfather"', {"The Godfather"}),
        ("100%", {"100% Wolf", "100 Wolves"}),
        ("godf bri", {"Godfather of the Bride"}),
        ("wolf", {"100% Wolf"}),
        ("wlof", {"100% Wolf"}),
        ("teh godfather", {"The Godfather", "Godfather of the Bride"}),
        ("nothing of the kind", set()),
    ],
)
async def test_the_words_in_any_order(films: Services, q: str, found: set[str]) -> None:
    page = await films.bus.execute(ListItems(request=ListRequest(q=q, include_total=True)))
    assert sorted(item.name for item in page.items) == sorted(found)
    assert page.total == len(found)


async def test_the_shorter_title_comes_first(films: Services) -> None:
    act_for(uuid4(), permissions=frozenset({"items:read", "items:create"}))
    for name in ("A long title about one zebra and its friends", "One zebra", "A title about one zebra"):
        await films.bus.execute(CreateItem(details=details(name=name)))
    page = await films.bus.execute(ListItems(request=ListRequest(q="zebra one")))
    assert [item.name for item in page.items] == ["One zebra", "A title about one zebra", "A long title about one zebra and its friends"]


async def test_words_of_tenants_whose_ids_end_alike_are_apart(films: Services) -> None:
    """The index of words tells tenants apart by the end of their ids, and the condition on the rows by the whole."""
    tenants = [UUID(int=(number << 100) + 7) for number in (1, 2)]
    for tenant in tenants:
        act_for(tenant, permissions=frozenset({"items:read", "items:create"}))
        await films.bus.execute(CreateItem(details=details(name="Quokka", description=f"Of {tenant}")))
    for tenant in tenants:
        act_for(tenant, permissions=frozenset({"items:read"}))
        for q in ("quokka", "qu", "qoukka", '"quokka"'):
            page = await films.bus.execute(ListItems(request=ListRequest(q=q)))
            assert [item.description for item in page.items] == [f"Of {tenant}"]


@pytest.mark.parametrize("length", [100, 101, 150, 2000])
async def test_a_long_word_is_found_by_its_beginning(films: Services, length: int) -> None:
    act_for(uuid4(), permissions=frozenset({"items:read", "items:create"}))
    word = "x" * length
    await films.bus.execute(CreateItem(details=details(name="Long", description=f"before {word} after")))
    for q in (word[:50], word[:99]):
        page = await films.bus.execute(ListItems(request=ListRequest(q=q)))
        assert [item.name for item in page.items] == ["Long"]


BUFFERS = "explain (analyze, buffers, format json) select id from search_items($1, $2, 1000)"
INSERT = """insert into items (tenant_id, id, sku, name, description, category, tags, attributes, status, version, created_at, updated_at)
select $1, gen_random_uuid(), $2 || n, $2 || n, '', 'c', '{}', '{}', 'draft', 1, now(), now() from generate_series(1, $3::integer) n"""


@pytest.mark.slow
async def test_a_beginning_of_two_letters_reads_nothing_of_other_tenants(migrated: Urls, admin_of_migrated: str) -> None:
    tenant = uuid4()
    admin, app = await asyncpg.connect(admin_of_migrated), await asyncpg.connect(migrated.app)

    async def buffers() -> int:
        """Pages that a search reads when its plans are made."""
        for _ in range(10):
            plan = json.loads(await app.fetchval(BUFFERS, tenant, "qx"))[0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    try:
        await app.execute(f"set app.tenant_id = '{tenant}'")
        await admin.execute(INSERT, tenant, "own", 2000)
        read = []
        for beginning in ("zz", "qx"):
            await admin.execute(INSERT, uuid4(), beginning, 5000)
            await admin.execute("vacuum analyze items")
            read.append(await buffers())
        assert read[1] < read[0] + 10
    finally:
        await admin.close()
        await app.close()
