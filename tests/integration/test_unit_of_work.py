"""The unit of work on a real server: what it commits, what it refuses, and who may use it."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.core.errors import NoTransaction, ProgrammingError, StaleVersion
from api_base.core.protocols import Isolation
from api_base.core.types import TenantId
from api_base.domain.items.errors import SkuTaken
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from tests.factories.items import NOW, item
from tests.support import act_for, stored


async def rows(urls: Urls, sql: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


async def test_a_change_is_saved_with_its_audit_and_read_again(migrated: Urls) -> None:
    tenant = uuid4()
    context = act_for(tenant)
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            created = await store.items.create(item(tenant_id=tenant, sku="A"))
        async with store.begin(Isolation.OPTIMISTIC):
            found = await store.items.get(created.id)
            assert found is not None
            assert found.details == created.details
            found.change(NOW, name="Stool")
            await store.items.update(found)
    audit = await rows(migrated, "select action, actor_id, tenant_id, before, after from audit order by action")
    assert [row["action"] for row in audit] == ["item.created", "item.updated"]
    assert {row["actor_id"] for row in audit} == {context.user_id}
    assert {row["tenant_id"] for row in audit} == {tenant}
    assert '"name": "Chair"' in audit[1]["before"]
    assert '"name": "Stool"' in audit[1]["after"]
    assert "sku" not in audit[1]["after"]


async def test_a_raise_rolls_everything_back(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        for isolation in (Isolation.OPTIMISTIC, Isolation.SERIALIZABLE):
            with pytest.raises(RuntimeError, match="no"):
                async with store.begin(isolation):
                    await store.items.create(item(tenant_id=tenant))
                    if isolation is Isolation.SERIALIZABLE:
                        await store.items.get(uuid4())
                    raise RuntimeError("no")
        figures = store.database.figures()
        assert figures.open == figures.idle
    assert await rows(migrated, "select from items union all select from audit") == []


async def test_the_loser_of_two_changes_is_told_and_leaves_no_audit(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            created = await store.items.create(item(tenant_id=tenant))
        first, second = await store.items.get(created.id), await store.items.get(created.id)
        assert first is not None
        assert second is not None
        first.change(NOW, name="first")
        second.change(NOW, name="second")
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.update(first)
        with pytest.raises(StaleVersion, match="version 1"):
            async with store.begin(Isolation.OPTIMISTIC):
                await store.items.update(second)
    assert [row["name"] for row in await rows(migrated, "select name from items")] == ["first"]
    assert len(await rows(migrated, "select from audit")) == 2


async def test_a_constraint_speaks_the_business_language(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.create(item(tenant_id=tenant, sku="A"))
        with pytest.raises(SkuTaken, match="'A'"):
            async with store.begin(Isolation.OPTIMISTIC):
                await store.items.create(item(tenant_id=tenant, sku="A"))
        with pytest.raises(SkuTaken):
            async with store.begin(Isolation.OPTIMISTIC):
                await store.items.create(item(tenant_id=tenant, sku="B"))
                await store.items.create(item(tenant_id=tenant, sku="A"))
        other = uuid4()
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.create(item(tenant_id=other, sku="A"))
    assert len(await rows(migrated, "select from items")) == 2


async def test_many_rows_go_in_bulk_whatever_they_hold(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    awkward = ('a"b', "c\\d", "{e,f}", "ü 漢字 🎉", "null", "x'y")
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            for number in range(50):
                await store.items.create(item(tenant_id=tenant, sku=f"S{number}", tags=awkward, attributes={"k": list(awkward), "n": None}))
        found = await store.items.by_skus(["S0", "S49"])
    assert found["S49"].details.tags == awkward
    assert found["S0"].details.attributes == {"k": list(awkward), "n": None}
    assert len(await rows(migrated, "select from audit where action = 'item.created'")) == 50


async def test_the_second_change_of_a_row_comes_after_the_changes_of_others_between(migrated: Urls) -> None:
    """So two rows exchange a unique value through a third one, which the first of them has meanwhile."""
    tenant = uuid4()
    act_for(tenant)
    first, second = (item(id=UUID(int=number), tenant_id=tenant, sku=sku) for number, sku in ((1, "A"), (2, "B")))
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.create(first)
            await store.items.create(second)
        async with store.begin(Isolation.OPTIMISTIC):
            for one, sku in ((first, "meanwhile"), (second, "A"), (first, "B")):
                one.change(NOW, sku=sku)
                await store.items.update(one)
    assert [tuple(row) for row in await rows(migrated, "select sku, version from items order by id")] == [("B", 3), ("A", 2)]


async def test_a_savepoint_undoes_its_element_alone(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        outcomes = []
        async with store.begin(Isolation.OPTIMISTIC):
            for sku in ("A", "B", "A", "C"):
                try:
                    async with savepoint():
                        await store.items.create(item(tenant_id=tenant, sku=sku))
                    outcomes.append("kept")
                except SkuTaken:
                    outcomes.append("refused")
    assert outcomes == ["kept", "kept", "refused", "kept"]
    assert [row["sku"] for row in await rows(migrated, "select sku from items order by sku")] == ["A", "B", "C"]
    assert len(await rows(migrated, "select from audit")) == 3


async def test_what_is_sent_at_once_shares_its_connection_with_reads_and_its_owner_with_nobody(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated, size=1, acquire_timeout=1) as store:
        async with store.begin(Isolation.OPTIMISTIC) as unit:
            await unit.run(lambda connection: connection.execute("select 1"))
            assert await store.items.get(uuid4()) is None
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="A"))
            await unit.run(lambda connection: connection.execute("select set_config('app.tenant_id', $1, true)", str(uuid4())))
            await store.items.create(item(tenant_id=tenant, sku="B"))
        figures = store.database.figures()
        assert (figures.open, figures.idle) == (1, 1)
    assert len(await rows(migrated, "select from items")) == 2


async def test_events_of_a_refused_element_are_not_told(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store, store.begin(Isolation.OPTIMISTIC) as unit:
        async with savepoint():
            await store.items.create(item(tenant_id=tenant, sku="A"))
        with pytest.raises(SkuTaken):
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="A"))
        assert len(unit.collect_events()) == 1


async def test_writing_needs_a_unit_of_work_of_ones_own(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        with pytest.raises(NoTransaction):
            await store.items.create(item(tenant_id=tenant))
        async with store.begin(Isolation.OPTIMISTIC):
            with pytest.raises(ProgrammingError, match="already open"):
                async with store.begin(Isolation.OPTIMISTIC):
                    pass
            with pytest.raises(ProgrammingError, match="belongs to the task"):
                await asyncio.create_task(store.items.create(item(tenant_id=TenantId(tenant))))
    assert await rows(migrated, "select from items") == []
