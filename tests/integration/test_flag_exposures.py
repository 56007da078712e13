"""Exposures become events in the outbox, in batches, and evaluations the time of the last one; PostgreSQL's absence costs neither time nor memory."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.opening import OpenedInOrder
from api_base.bootstrap.services import Services, build, opened
from api_base.core.protocols import Resource
from api_base.domain.common.events import DurableSubscription
from api_base.domain.flags.definition import FlagType
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import DatabaseEventPublisher
from api_base.infrastructure.events.relay import Relay
from api_base.infrastructure.flags.exposures import ExposureReporter
from api_base.infrastructure.flags.snapshot import SnapshotLoader
from api_base.infrastructure.observability.exposition import MergedMetrics
from api_base.infrastructure.serialization.json_codec import decode, encode
from api_base.testing.databases import Postgres, name_of
from tests.application import settings_on
from tests.factories.feature_flags import flag_definition
from tests.integration.event_harness import JOURNAL

ADD = "insert into flags values ($1, $2, $3, '', '', false, false, $4, null, 1, now() - interval '40 days', now())"
EVENTS = "select name, aggregate_id, aggregate_version, tenant_id, payload from outbox order by sequence"


def opened_by(services: Services) -> Iterator[Resource]:
    """What the lifespans of the contexts open."""
    return (one for _, lifespan in services.declarations.lifespans if isinstance(lifespan, OpenedInOrder) for one in lifespan.resources)


class World:
    def __init__(self, services: Services, owner: asyncpg.Connection) -> None:
        self.services, self.owner = services, owner
        self.reporter = next(one for one in opened_by(services) if isinstance(one, ExposureReporter))

    def evaluate(self, key: str, **context: Any) -> None:
        self.services.ports.current_flags.evaluate(key, FlagType.BOOLEAN, context)

    @property
    def dropped(self) -> float:
        text = MergedMetrics(self.services.ports.counters).exposition("")[0].decode()
        (found,) = re.findall(r"^feature_flag_exposures_dropped_total (\S+)$", text, re.MULTILINE)
        return float(found)


@pytest.fixture
async def world(migrated: Urls) -> AsyncIterator[World]:
    owner = await asyncpg.connect(migrated.owner)
    for key, tracked in (("plain", False), ("tracked", True)):
        await owner.execute(ADD, uuid4(), key, encode(flag_definition(key)).decode(), tracked)
    async with opened(build(settings_on(migrated), BUILT_IN)) as services:
        yield World(services, owner)
    await owner.close()


async def test_exposures_of_tracked_flags_become_events_in_one_batch(world: World) -> None:
    id = await world.owner.fetchval("select id from flags where key = 'tracked'")
    for user in ("ana", "bo", "ana"):
        world.evaluate("tracked", user=user, tenant="acme")
    world.evaluate("plain", user="ana")
    await world.reporter.report()
    await world.reporter.report()
    rows = await world.owner.fetch(EVENTS)
    assert [tuple(row)[:4] for row in rows] == [("flags.exposed.v1", id, 0, None)] * 2
    assert [decode(row["payload"]) for row in rows] == [
        {"aggregate_id": str(id), "flag": "tracked", "variant": "off", "tenant": "acme", "user": user} for user in ("ana", "bo")
    ]


async def test_the_last_evaluation_is_written_once_an_hour(world: World) -> None:
    world.evaluate("plain")
    await world.reporter.report()
    written = await world.owner.fetchrow("select e.*, ctid from flag_evaluations e")
    assert written["flag_id"] == await world.owner.fetchval("select id from flags where key = 'plain'")
    world.evaluate("plain")
    await world.reporter.report()
    assert await world.owner.fetchrow("select e.*, ctid from flag_evaluations e") == written


async def test_a_closing_process_reports_the_rest(migrated: Urls) -> None:
    owner = await asyncpg.connect(migrated.owner)
    await owner.execute(ADD, uuid4(), "tracked", encode(flag_definition("tracked")).decode(), True)
    async with opened(build(settings_on(migrated), BUILT_IN)) as services:
        World(services, owner).evaluate("tracked", user="ana")
    assert len(await owner.fetch(EVENTS)) == 1
    await owner.close()


async def test_a_closing_process_finishes_the_report_that_is_running(world: World) -> None:
    ports = world.services.ports
    flags = next(one for one in opened_by(world.services) if isinstance(one, SnapshotLoader))
    reporter = ExposureReporter(
        ports.database, ports.current_flags.exposures, flags, ports.counters, ports.event_writer, ports.events_stored, ports.clock, 0.01
    )
    waiting = "select count(*) from pg_locks where not granted and relation = 'flag_evaluations'::regclass"
    async with world.owner.transaction():
        await world.owner.execute("lock table flag_evaluations")
        world.evaluate("tracked", user="ana")
        await reporter.open()
        async with asyncio.timeout(30):
            while not await world.owner.fetchval(waiting):
                await asyncio.sleep(0.005)
        world.evaluate("tracked", user="bo")
        closing = asyncio.create_task(reporter.close())
        await asyncio.sleep(0)
    await closing
    assert [decode(row["payload"])["user"] for row in await world.owner.fetch(EVENTS)] == ["ana", "bo"]
    assert world.dropped == 0


async def test_a_user_that_cannot_be_stored_takes_no_other_exposure_down(world: World) -> None:
    for user in ("a\0b", "a\ud800", "ana"):
        world.evaluate("tracked", user=user)
    await world.reporter.report()
    assert [decode(row["payload"])["user"] for row in await world.owner.fetch(EVENTS)] == ["a\ufffdb", "a\ufffd", "ana"]


async def test_without_postgresql_exposures_are_dropped_and_counted(world: World, migrated: Urls, postgres: Postgres) -> None:
    administrator = await asyncpg.connect(postgres.admin)
    name = name_of(migrated)
    await administrator.execute(f"alter database {name} with allow_connections false")
    await administrator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename <> 'owner'", name)
    world.evaluate("tracked", user="ana")
    async with asyncio.timeout(30):
        await world.reporter.report()
    assert world.dropped == 1
    await administrator.execute(f"alter database {name} with allow_connections true")
    await administrator.close()
    world.evaluate("tracked", user="bo")
    await world.reporter.report()
    assert [decode(row["payload"])["user"] for row in await world.owner.fetch(EVENTS)] == ["bo"]
    assert world.dropped == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    flag: str
    variant: str
    user: str


async def test_a_durable_subscriber_gets_exposures(migrated: Urls) -> None:
    seen: list[Seen] = []

    async def handle(event: Seen) -> None:
        seen.append(event)

    subscription = DurableSubscription(name="analytics", event="flags.exposed.v1", payload=Seen, handle=handle)
    analytics = Context(name="analytics", subscribers=lambda ports: [subscription])
    owner = await asyncpg.connect(migrated.owner)
    await owner.execute(ADD, uuid4(), "tracked", encode(flag_definition("tracked")).decode(), True)
    async with opened(build(settings_on(migrated), [*BUILT_IN, analytics])) as services:
        world, container = World(services, owner), services.container
        await container.worker_database.open()
        world.evaluate("tracked", user="ana")
        await world.reporter.report()
        pool = container.worker_database.pool
        await Relay(pool, DatabaseEventPublisher(pool, container.subscribers), JOURNAL, container.event_versions).run()
        await DeliveryConsumer(pool, subscription, container.event_delivery).run()
        await container.worker_database.close()
    assert seen == [Seen(flag="tracked", variant="off", user="ana")]
    await owner.close()
