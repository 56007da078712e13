"""What an operator sees of the kept events, and may tell again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.admin import EventAdmin
from tests.integration.test_events import CHANGED, CREATED, house

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_the_newest_are_shown_oldest_first(migrated: Urls) -> None:
    tenant = uuid4()
    async with house(migrated) as made:
        first, second = await made.create(tenant), await made.create(tenant)
        await made.rename(tenant, first, "again")
        log = EventAdmin(made.worker.pool)
        shown = await log.newest(name=None, aggregate_id=None, since=None, limit=2)
        assert [(event.name, event.aggregate_id) for event in shown] == [(CREATED, second), (CHANGED, first)]
        (only,) = await log.newest(name=CHANGED, aggregate_id=first, since=LONG_AGO, limit=10)
        assert (only.tenant_id, only.aggregate_version) == (tenant, 2)
        assert await log.newest(name=None, aggregate_id=None, since=datetime.now(UTC) + timedelta(minutes=1), limit=10) == []


async def test_what_the_inbox_has_forgotten_is_not_told_again(migrated: Urls) -> None:
    """Should a partition be kept for what waits in it: whoever handled the rest of it would handle it twice."""
    async with house(migrated) as made:
        old, new = await made.create(uuid4()), await made.create(uuid4())
        await made.create(uuid4())
        await made.query("update outbox set at = at - interval '9 days' where aggregate_id = $1", old)
        await made.query("update outbox set published = true where aggregate_id = any($1)", [old, new])
        log = EventAdmin(made.worker.pool)
        assert await log.replay(subscription="a.hear", names=[CREATED], since=LONG_AGO) == 1
        assert [row["aggregate_id"] for row in await made.query("select aggregate_id from deliveries")] == [new]
        assert await log.replay(subscription="a.hear", names=[CREATED], since=LONG_AGO) == 0
