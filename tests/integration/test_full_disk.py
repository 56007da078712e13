"""The server's disk is full or fails: a change raises `Unavailable`, and the health check reports it until a while after the last failure."""

from uuid import uuid4

import asyncpg
import pytest

from api_base.core.errors import ApiBaseError, Unavailable
from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import STORAGE_RECOVERY, DatabaseHealthCheck
from tests.factories.items import item
from tests.support import act_for, stored


@pytest.mark.parametrize(("sqlstate", "reported"), [("53100", True), ("58030", True), ("53200", False), ("23505", False)])
@pytest.mark.parametrize("isolation", [Isolation.OPTIMISTIC, Isolation.SERIALIZABLE], ids=["one statement", "transaction"])
async def test_the_health_check_reports_a_storage_failure(migrated: Urls, sqlstate: str, reported: bool, isolation: Isolation) -> None:
    """A trigger raises what PostgreSQL raises."""
    tenant, owner = uuid4(), await asyncpg.connect(migrated.owner)
    act_for(tenant)
    async with stored(migrated) as store:
        pool, health = store.database.pool, DatabaseHealthCheck(store.database)
        try:
            await owner.execute(
                f"create function fail() returns trigger language plpgsql as $$begin raise exception using errcode = '{sqlstate}'; end$$;"
                "create trigger fail before insert on items for each row execute function fail()"
            )
            with pytest.raises(ApiBaseError):
                async with store.begin(isolation):
                    await store.items.create(item(tenant_id=tenant))
            if reported:
                with pytest.raises(Unavailable, match="disk"):
                    await health.check()
            else:
                await health.check()
            pool.storage_failed_at -= STORAGE_RECOVERY  # as much later
            await health.check()
        finally:
            await owner.close()
