"""Jobs on the real database: enqueued with the change, carried out once, on behalf of who asked."""

from api_base.infrastructure.db.embedded import Urls
from tests.workshop import MakeItem, Note, tenant, workshop


async def test_a_job_is_carried_out_and_its_result_kept(migrated: Urls) -> None:
    async with workshop(migrated) as shop:
        house = tenant()
        [made, noted] = await shop.enqueue(MakeItem(sku="A-1"), Note(number=7), tenant=house)
        async with shop.worker():
            rows = await shop.ended(2)
        assert {row["id"]: (row["state"], row["result"]) for row in rows} == {made: ("succeeded", '"A-1"'), noted: ("succeeded", "7")}
        assert [row["sku"] for row in await shop.rows("select sku from items where tenant_id = $1", house)] == ["A-1"]
