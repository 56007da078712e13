"""Events for connected clients do not wait for Kafka: they arrive while it is down, once, and in the order of each aggregate."""

from uuid import uuid4

import asyncpg

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tests.e2e.processes import free_port
from tests.integration.test_realtime import World, relaying, until

UNPUBLISHED = "select count(*) from outbox where not published"


async def test_clients_receive_events_while_kafka_is_down_and_no_second_time_when_it_is_back(
    migrated: Urls, postgres: object, kafka_url: str
) -> None:
    prefix = f"realtime-{uuid4().hex}"
    down, up = (settings_on(migrated, events={"url": url, "prefix": prefix}) for url in (f"kafka://127.0.0.1:{free_port()}", kafka_url))
    async with running(down) as api:
        admin = await asyncpg.connect(postgres.admin_of(migrated))  # type: ignore[attr-defined]
        world = World(api, migrated, down, admin)
        person = await api.person()
        session, got = await world.connect(person, settle=False)
        await session.subscribe("tenant")
        async with relaying(down, migrated):
            for _ in range(3):
                await api.item(person)
            names = ["tenants.created.v1", *3 * ["items.created.v1"]]
            await until(lambda: [one and one.name for one in got.got][-3:] == names[-3:])
            assert await admin.fetchval(UNPUBLISHED) > 3
        received = got.offsets()
        async with relaying(up, migrated):
            await world.settled(person)
            await api.item(person)
            await until(lambda: len(got.got) > len(received))
        assert got.offsets() == list(range(1, len(received) + 2))
        ids = [one.id for one in got.got if one is not None]
        assert len(set(ids)) == len(ids)
        session.close()
        await admin.close()
