"""Real-time delivery on PostgreSQL: two serving processes' hubs, a worker that relays, writers that overlap."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.common.realtime import Member, Position, Realtime, RealtimeSession
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.worker import create_worker
from api_base.core.config import Settings
from api_base.core.errors import ApiBaseError, NotFound
from api_base.core.types import RequestContext
from api_base.infrastructure.db.embedded import Urls
from api_base.serving.worker import run_worker
from tests.application import Person, Running, running, settings_on
from tests.unit.realtime.memory_journal import Recording


@asynccontextmanager
async def relaying(settings: Settings, urls: Urls) -> AsyncIterator[None]:
    """A worker that relays events, in this process."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(create_worker(settings, BUILT_IN, ["relay"]), urls, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


@dataclass
class World:
    api: Running
    urls: Urls
    settings: Settings
    admin: Any
    admin_url: str = ""

    @property
    def hub(self) -> Realtime:
        return hub_of(self.api)

    async def settled(self, person: Person) -> None:
        """Wait until what happened in the tenant before is relayed."""
        waiting = "select count(*) from outbox where tenant_id = $1 and not published"
        async with asyncio.timeout(15):
            while await self.admin.fetchval(waiting, person.tenant_id):
                await asyncio.sleep(0.01)

    async def connect(self, person: Person, *, hub: Realtime | None = None, settle: bool = True) -> tuple[RealtimeSession, Recording]:
        container = self.api.services.container
        claims = container.token_verifier.verify(person.access_token.encode())
        principal = await container.access.principal(claims)
        if settle:
            await self.settled(person)
        receiver = Recording()
        context = RequestContext(request_id="test", principal=principal, address="203.0.113.7")
        return (hub or self.hub).open(context, time.time() + 600.0, receiver, receiver.ended_because.append), receiver


def hub_of(api: Running) -> Realtime:
    hub: Realtime = api.app.state.realtime
    return hub


async def until(condition: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "The condition did not come true in time."
        await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_migrated: Urls, postgres: Any) -> AsyncIterator[World]:
    settings = settings_on(shared_migrated)
    async with running(settings) as api, relaying(settings, shared_migrated):
        url = postgres.admin_of(shared_migrated)
        admin = await asyncpg.connect(url)
        yield World(api, shared_migrated, settings, admin, url)
        await admin.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_change_reaches_the_channels_of_its_tenant_and_its_item(world: World) -> None:
    person = await world.api.person()
    item = (await world.api.item(person))["id"]
    session, got = await world.connect(person)
    await session.subscribe("tenant")
    await session.subscribe(f"items/{item}")
    answer = await world.api.client.patch(
        f"/api/v1/items/{item}",
        json={"name": "Table"},
        headers={**person.headers, "If-Match": "*", "Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 200, answer.text
    await until(lambda: len(got.got) == 2)
    events = [one for one in got.got if one is not None]
    assert {one.channel for one in events} == {"tenant", f"items/{item}"}
    assert {one.name for one in events} == {"items.changed.v1"}
    assert {one.data for one in events} == {b'{"aggregate_id":"' + item.encode() + b'","fields":["name"]}'}
    assert [one.position.offset for one in events] == [1, 1]
    session.close()


async def test_a_process_recovers_what_another_one_delivered(world: World) -> None:
    person = await world.api.person()
    async with running(world.settings) as other:
        session, got = await world.connect(person)
        await session.subscribe("tenant")
        for _ in range(3):
            await world.api.item(person)
        await until(lambda: got.offsets() == [1, 2, 3])
        second = got.got[1]
        assert second is not None
        session.close()
        for _ in range(2):
            await world.api.item(person)
        again, later = await world.connect(person, hub=hub_of(other), settle=False)
        assert (await again.subscribe("tenant", second.position)).recovered is True
        await until(lambda: later.offsets() == [3, 4, 5])
        again.close()


@pytest.mark.parametrize(
    "after", [lambda p: Position("0" * 24, p.offset), lambda p: Position(p.epoch, p.offset + 100)], ids=["another epoch", "the future"]
)
async def test_a_position_that_the_channel_never_had_gets_a_reset(world: World, after: Any) -> None:
    person = await world.api.person()
    session, got = await world.connect(person)
    position = (await session.subscribe("tenant")).position
    await session.unsubscribe("tenant")
    result = await session.subscribe("tenant", after(position))
    await until(lambda: got.resets == [position])
    assert (result.recovered, result.position) == (False, position)
    session.close()


async def test_a_truncated_journal_resets_every_receiver(world: World) -> None:
    person = await world.api.person()
    session, got = await world.connect(person)
    before = (await session.subscribe("tenant")).position
    await world.admin.execute("truncate channel_events")
    world.hub.signal_all()
    await until(lambda: len(got.resets) == 1)
    assert got.resets[0].epoch != before.epoch
    session.close()


async def test_events_of_a_transaction_that_commits_late_follow_those_of_later_ones(world: World) -> None:
    person = await world.api.person()
    session, got = await world.connect(person)
    await session.subscribe("tenant")
    late = await asyncpg.connect(world.urls.owner)
    transaction = late.transaction()
    await transaction.start()
    held = uuid4()
    await late.execute(
        "insert into outbox (at, id, tenant_id, shard, name, aggregate_id, aggregate_version, request_id, traceparent, payload)"
        " values (now(), $1, $2, 0, 'items.deleted.v1', $1, 1, '', '', jsonb_build_object('aggregate_id', $1::uuid))",
        held, person.tenant_id,
    )  # fmt: skip
    for _ in range(3):
        await world.api.item(person)
    await until(lambda: got.offsets() == [1, 2, 3])
    await transaction.commit()
    await until(lambda: got.offsets() == [1, 2, 3, 4])
    last = got.got[-1]
    assert last is not None
    assert last.id == held
    await late.close()
    session.close()


@pytest.mark.parametrize("name", ["items/{}", "files/{}", "jobs/{}"])
async def test_a_channel_of_another_tenant_is_answered_as_a_random_one(world: World, name: str) -> None:
    person, stranger = await world.api.person(), await world.api.person()
    item = (await world.api.item(stranger))["id"]
    session, _ = await world.connect(person)
    answers = []
    for id in (item, str(uuid4())):
        with pytest.raises(NotFound) as refused:
            await session.subscribe(name.format(id), presence=True)
        answers.append(str(refused.value).replace(id, "ID"))
    assert answers[0] == answers[1]
    rows = await world.admin.fetchval("select count(*) from channels where tenant_id = $1 and name <> 'tenant'", person.tenant_id)
    assert rows == 0
    session.close()


async def test_no_event_and_no_member_of_another_tenant_is_delivered(world: World) -> None:
    person, stranger = await world.api.person(), await world.api.person()
    mine, got = await world.connect(person)
    theirs, they_got = await world.connect(stranger)
    position = (await theirs.subscribe("tenant", presence=True)).position
    result = await mine.subscribe("tenant", position, presence=True)
    assert result.recovered is False
    await world.api.item(stranger)
    await until(lambda: they_got.offsets() == [1])
    await until(lambda: got.crowd == {person.id} and they_got.crowd == {stranger.id})
    assert got.offsets() == []
    mine.close()
    theirs.close()


async def test_a_removed_member_is_disconnected_within_a_second(world: World) -> None:
    owner = await world.api.person()
    member = await world.api.member(owner, "member")
    session, got = await world.connect(member)
    await session.subscribe("tenant")
    answer = await world.api.client.delete(
        f"/api/v1/tenants/{owner.tenant_id}/members/{member.id}", headers={**owner.headers, "If-Match": "*"}
    )
    assert answer.status_code == 204, answer.text
    await until(lambda: got.ended_because == ["revoked"], 1.5)
    assert session.closed


async def test_a_removed_member_is_no_longer_present(world: World) -> None:
    owner = await world.api.person()
    member = await world.api.member(owner, "member")
    watching, got = await world.connect(owner)
    await watching.subscribe("tenant", presence=True)
    leaving, _ = await world.connect(member)
    await leaving.subscribe("tenant", presence=True)
    await until(lambda: got.crowd == {owner.id, member.id})
    answer = await world.api.client.delete(
        f"/api/v1/tenants/{owner.tenant_id}/members/{member.id}", headers={**owner.headers, "If-Match": "*"}
    )
    assert answer.status_code == 204, answer.text
    await until(lambda: got.crowd == {owner.id})
    assert await watching.present("tenant") == [Member(owner.id)]
    watching.close()


async def test_progress_of_a_job_reaches_its_channel_in_order(world: World) -> None:
    person = await world.api.person()
    job = uuid4()
    await world.admin.execute(
        "insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)"
        " values ($1, $2, $3, 'items.import', 'waiting', 0, now() + interval '1 hour', 0, '{}', '', '', now(), 0)",
        person.tenant_id, job, person.id,
    )  # fmt: skip
    session, got = await world.connect(person)
    await session.subscribe(f"jobs/{job}")
    for progress in (10, 60):
        await world.admin.execute("update jobs set progress = $3 where tenant_id = $1 and id = $2", person.tenant_id, job, progress)
    await world.admin.execute("update jobs set state = 'cancelled' where id = $1", job)
    await until(lambda: got.offsets() == [1, 2, 3])
    last = got.got[-1]
    assert last is not None
    assert last.data == f'{{"id" : "{job}", "name" : "items.import", "state" : "cancelled", "progress" : 60}}'.encode()
    session.close()


async def test_a_long_transaction_of_a_job_does_not_lock_its_channel(world: World) -> None:
    person = await world.api.person()
    job = uuid4()
    await world.admin.execute(
        "insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)"
        " values ($1, $2, $3, 'items.import', 'waiting', 0, now() + interval '1 hour', 0, '{}', '', '', now(), 0)",
        person.tenant_id, job, person.id,
    )  # fmt: skip
    session, got = await world.connect(person)
    await session.subscribe(f"jobs/{job}")
    long = await asyncpg.connect(world.admin_url)
    async with long.transaction():
        await long.execute("update jobs set progress = 10 where tenant_id = $1 and id = $2", person.tenant_id, job)
        locked = "select name from channels where tenant_id = $1 and name = $2 for update nowait"
        assert await world.admin.fetchval(locked, person.tenant_id, f"jobs/{job}") == f"jobs/{job}"
        assert got.got == []
    await until(lambda: got.offsets() == [1])
    await long.close()
    session.close()


async def test_a_lost_listener_misses_and_doubles_nothing(world: World) -> None:
    person = await world.api.person()
    session, got = await world.connect(person)
    await session.subscribe("tenant")
    for _ in range(5):
        await world.admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'api-base-listener' and datname = current_database()"
        )
        await world.api.item(person)
    await until(lambda: got.offsets() == [1, 2, 3, 4, 5])
    assert got.resets == []
    session.close()


@pytest.mark.parametrize("payload", ["", "[", "[[1]]", '[["t","x","tenant"]]', "null", "[" * 3000])
async def test_a_forged_signal_does_nothing(world: World, payload: str) -> None:
    person = await world.api.person()
    session, got = await world.connect(person)
    await session.subscribe("tenant")
    await world.admin.execute("select pg_notify('channel_events', $1)", payload)
    await world.api.item(person)
    await until(lambda: got.offsets() == [1])
    session.close()


@pytest.mark.slow
async def test_members_of_a_killed_process_leave_after_some_seconds(world: World) -> None:
    person = await world.api.person()
    killed = uuid4()
    await world.admin.execute(
        "insert into channel_members values ($1, 'tenant', $2, $3, now() + interval '1 second')", person.tenant_id, uuid4(), killed
    )
    session, got = await world.connect(person)
    await session.subscribe("tenant", presence=True)
    await until(lambda: got.crowd == {person.id, killed})
    await until(lambda: got.crowd == {person.id})
    session.close()


async def _writer(world: World, person: Person, number: int, count: int) -> None:
    for index in range(count):
        await world.api.item(person, sku=f"W{number}-{index}")


async def test_clients_that_reconnect_under_eight_writers_miss_and_double_nothing(world: World) -> None:
    person = await world.api.person()
    async with running(world.settings) as other:
        hubs = [world.hub, hub_of(other)]
        await world.settled(person)
        writers = [asyncio.create_task(_writer(world, person, number, 6)) for number in range(8)]

        async def client(number: int) -> list[int]:
            session, got = await world.connect(person, hub=hubs[number % 2], settle=False)
            at = (await session.subscribe("tenant")).position
            offsets: list[int] = list(range(1, at.offset + 1))
            while len(offsets) < 48:
                await asyncio.sleep(0.03 * (1 + number % 3))
                session.close()
                offsets += got.offsets()
                at = Position(at.epoch, offsets[-1]) if offsets else at
                session, got = await world.connect(person, hub=hubs[(number + len(offsets)) % 2], settle=False)
                assert (await session.subscribe("tenant", at)).recovered is True
            session.close()
            return offsets

        everything = await asyncio.wait_for(asyncio.gather(*(client(number) for number in range(10)), *writers), 60)
    assert all(offsets == list(range(1, 49)) for offsets in everything[:10])


async def test_an_unknown_or_malformed_channel_is_a_clear_error(world: World) -> None:
    person = await world.api.person()
    session, _ = await world.connect(person)
    for name in (
        "",
        "Tenant",
        "items",
        "items/",
        "items/x",
        "tenant/" + str(uuid4()),
        "x" * 5000,
        "items/" + str(uuid4()).upper(),
        f"items/{uuid4()}\n",
        "items/" + "\uff10" * 8 + "-0000-0000-0000-000000000000",
        "tenant\u200b",
        "\u0442enant",
        "tenant\x00",
        f"items/../tenant/{uuid4()}",
        "nothing/" + str(uuid4()),
    ):
        with pytest.raises(ApiBaseError):
            await session.subscribe(name)
    session.close()
