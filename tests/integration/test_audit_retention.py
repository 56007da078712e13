"""What has expired is dropped, once it is sealed, and what is left verifies from a signed checkpoint on."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from api_base.infrastructure.audit.sealer import Retention
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.locks.leadership import DatabaseLeadership
from api_base.infrastructure.system import SystemClock
from tests.audit import ONE, TWO, Audited, add, audited

OLD = datetime.now(UTC) - timedelta(days=500)
PARTITIONS = "select relname from pg_class where relname ~ '^audit_[0-9]{6}$' order by 1"


async def partition_of(made: Audited, time: datetime) -> str:
    """The partition of the month, made as it was made then."""
    start = time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1)
    name = f"audit_{start:%Y%m}"
    await made.admin.execute(
        f"create table {name} partition of audit for values from ('{start}') to ('{end}'); alter table {name} owner to owner"
    )
    return name


def retention(made: Audited) -> Retention:
    return Retention(made.worker.pool, SystemClock(), made.signer, 400, DatabaseLeadership())


async def test_an_expired_month_goes_and_the_rest_verifies(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        old = await partition_of(made, OLD)
        expired = [await add(made.app, tenant, OLD) for tenant in (ONE, TWO) * 6]
        expired += [await add(made.app, ONE, OLD - timedelta(days=90))]  # no month of its own: in the default partition
        await made.seal(batch=4)
        mixed = await add(made.app, TWO, OLD)
        young = [await add(made.app, tenant) for tenant in (TWO, ONE, TWO)]
        await made.seal(batch=4)
        heads = await made.heads()
        await retention(made).run()
        assert old not in [row["relname"] for row in await made.admin.fetch(PARTITIONS)]
        assert await made.recorded() == young
        assert set(await made.admin.fetchval("select array_agg(id) from audit_seals, unnest(ids) id")) == {mixed, *young}
        assert await made.findings(heads) == []
        assert len(expired) == 13

        await made.fill(20)
        assert await made.findings([*heads, *await made.heads()]) == []
        await made.admin.execute("delete from audit where id = $1", young[1])
        assert [(finding.kind, finding.what) for finding in await made.findings()] == [("removed", f"record {young[1]}")]


async def test_a_chain_of_which_everything_expired_goes_on_from_its_checkpoint(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        await add(made.app, ONE, OLD)
        await made.seal()
        await retention(made).run()
        assert await made.admin.fetchval("select count(*) from audit_seals") == 0
        await add(made.app, ONE)
        await made.seal()
        assert await made.admin.fetchval("select number from audit_seals") == 2
        assert await made.findings(await made.heads()) == []


async def test_nothing_goes_that_is_not_sealed_or_young_or_without_a_checkpoint(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        drop = "select drop_expired_audit($1)"
        worker = await asyncpg.connect(migrated.worker)
        id = await add(made.app, ONE, OLD)
        with pytest.raises(asyncpg.RaiseError, match="not sealed"):
            await retention(made).run()
        await made.seal()
        with pytest.raises(asyncpg.RaiseError, match="no checkpoint"):
            await worker.execute(drop, OLD + timedelta(days=40))
        with pytest.raises(asyncpg.RaiseError, match="younger than 30 days"):
            await worker.execute(drop, datetime.now(UTC))
        await worker.close()
        assert await made.recorded() == [id]


async def test_months_are_made_ahead(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as made:
        names = [row["relname"] for row in await made.admin.fetch(PARTITIONS)]
        assert names[0] == f"audit_{datetime.now(UTC):%Y%m}"
        assert len(names) == 3
        await made.admin.execute(f"drop table {names[2]}")
        await retention(made).run()
        assert [row["relname"] for row in await made.admin.fetch(PARTITIONS)] == names
