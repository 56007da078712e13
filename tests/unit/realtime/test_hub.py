"""The hub: permissions, limits, sessions that end, presence, and processes that lag behind."""

import asyncio
import json
import math
import time
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.common.realtime import (
    Channel,
    ChannelKey,
    Channels,
    JournalPage,
    Position,
    PublicEvent,
    Unpublished,
    feed,
)
from api_base.core.errors import ConfigurationError, NotFound, TooManyRequests, Unauthenticated, Unavailable
from api_base.infrastructure.realtime.sequencer import _entries
from tests.factories.events import stored_event
from tests.unit.realtime.harness import LIMITS, GetThing, World, principal, tenant_key

TENANT, THING = UUID(int=7), UUID(int=9)


async def turns(number: int = 50) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_events_of_the_tenant_reach_only_those_who_may_read_them() -> None:
    world = World()
    reader, got = world.connect(principal(TENANT, "things:read"))
    other, nothing = world.connect(principal(TENANT))
    for session in (reader, other):
        await session.subscribe("tenant")
    world.journal.append(tenant_key(TENANT), permission="things:read")
    world.journal.append(tenant_key(TENANT))
    world.hub.signal(tenant_key(TENANT))
    await turns()
    assert (got.offsets(), nothing.offsets()) == ([1, 2], [2])
    assert len(world.delivered) == 2


async def test_a_recovered_event_is_filtered_by_permission_too() -> None:
    world = World()
    session, got = world.connect(principal(TENANT))
    start = (await session.subscribe("tenant")).position
    session.close()
    world.journal.append(tenant_key(TENANT), permission="things:read")
    again, got = world.connect(principal(TENANT))
    assert (await again.subscribe("tenant", start)).recovered is True
    await turns()
    assert got.got == []


async def test_a_lost_permission_ends_the_subscription_and_a_revoked_session_the_connection() -> None:
    world = World(things={THING: TENANT})
    who = principal(TENANT, "a")
    session, got = world.connect(who)
    await session.subscribe(f"things/{THING}")
    await session.subscribe("tenant")
    assert who.session_id is not None
    world.things.clear()
    world.roles[who.session_id] = frozenset({"b"})
    await world.hub.check()
    assert [channel for channel, _ in got.ends] == [f"things/{THING}"]
    assert not session.closed
    world.ended.add(who.session_id)
    await world.hub.check()
    assert (session.closed, got.ended_because, world.hub.sessions, world.hub.subscriptions) == (True, ["revoked"], 0, 0)


async def test_a_session_without_an_expiry_ends_when_it_is_revoked_and_so_does_another() -> None:
    world = World()
    cookie, token = principal(TENANT), principal(TENANT)
    (session, got), (other, _) = world.connect(cookie, expires_in=math.inf), world.connect(token)
    assert cookie.session_id is not None
    assert token.session_id is not None
    world.ended |= {cookie.session_id, token.session_id}
    await world.hub.check()
    assert (session.closed, other.closed, got.ended_because) == (True, True, ["revoked"])


async def test_a_renewal_does_not_hide_a_lost_permission() -> None:
    world = World(things={THING: TENANT})
    who = principal(TENANT, "a")
    session, got = world.connect(who)
    await session.subscribe(f"things/{THING}")
    assert who.session_id is not None
    world.things.clear()
    world.roles[who.session_id] = frozenset({"b"})
    session.renew(session.context.acting(replace(who, permissions=frozenset({"b"}))), time.time() + 3600)
    await world.hub.check()
    assert [channel for channel, _ in got.ends] == [f"things/{THING}"]


async def test_the_metrics_show_what_the_hub_holds_and_what_it_ended() -> None:
    world = World(limits=replace(LIMITS, sessions=2))
    who = principal(TENANT)
    (session, _), (staying, _) = world.connect(who), world.connect(principal(TENANT))
    with pytest.raises(TooManyRequests):
        world.connect(principal(TENANT))
    start = (await session.subscribe("tenant")).position
    await staying.subscribe("tenant", start)
    await session.unsubscribe("tenant")
    await session.subscribe("tenant", Position("f" * 8, 1))
    await world.hub.check()
    expected = {"sessions": 2, "subscriptions": 2, "recoveries_total": 1, "resets_total": 1, "refused_total": 1, "ended_total": 0}
    streams = {"stream_queued_messages": 0, "stream_slow_clients_total": 0}
    assert world.gauges == {f"realtime_{name}": value for name, value in expected.items()} | streams
    assert who.session_id is not None
    world.ended.add(who.session_id)
    await world.hub.check()
    assert (
        world.gauges
        == {f"realtime_{name}": value for name, value in {**expected, "sessions": 1, "subscriptions": 1, "ended_total": 1}.items()}
        | streams
    )


async def test_a_fresh_token_of_the_same_session_keeps_the_connection() -> None:
    world = World()
    session, got = world.connect(principal(TENANT), expires_in=-1.0)
    session.renew(session.context, 2**40)
    await world.hub.check()
    assert got.ended_because == []
    with pytest.raises(Unauthenticated):
        session.renew(session.context.acting(principal(TENANT)), 2**40)


async def test_a_process_that_lags_behind_recovers_without_a_reset() -> None:
    world = World()
    other = world.another_process(world.channels)
    lagging, behind = world.connect(principal(TENANT), hub=other)
    epoch = (await lagging.subscribe("tenant")).position.epoch
    await turns()
    for _ in range(5):
        world.journal.append(tenant_key(TENANT))
    session, got = world.connect(principal(TENANT), hub=other)
    assert (await session.subscribe("tenant", Position(epoch, 3))).recovered is True
    world.journal.append(tenant_key(TENANT))
    other.signal(tenant_key(TENANT))
    await turns()
    assert (got.offsets(), behind.offsets(), got.resets) == ([4, 5, 6], [1, 2, 3, 4, 5, 6], [])


async def test_a_channel_is_read_once_for_all_receivers() -> None:
    world = World(limits=replace(LIMITS, sessions_per_address=1000))
    for _ in range(100):
        await world.connect(principal(TENANT))[0].subscribe("tenant")
    await turns()
    before = world.journal.reads
    world.journal.append(tenant_key(TENANT))
    world.hub.signal(tenant_key(TENANT))
    await turns()
    assert world.journal.reads - before == 1


async def test_sessions_and_channels_are_bounded() -> None:
    world = World(limits=replace(LIMITS, channels=1, sessions=3, sessions_per_user=1, sessions_per_address=2))
    who = principal(TENANT)
    session, _ = world.connect(who)
    with pytest.raises(TooManyRequests, match="A user"):
        world.connect(who)
    world.connect(principal(TENANT))
    with pytest.raises(TooManyRequests, match="An address"):
        world.connect(principal(TENANT))
    world.connect(principal(TENANT), address="192.0.2.2")
    with pytest.raises(TooManyRequests, match="The server"):
        world.connect(principal(TENANT), address="192.0.2.3")
    await session.subscribe("tenant")
    with pytest.raises(TooManyRequests, match="1 channels"):
        await session.subscribe("user")
    session.close()
    world.connect(who)


async def test_members_join_and_leave_once_with_any_number_of_connections() -> None:
    world = World()
    ana, ben = principal(TENANT), principal(TENANT)
    first, got = world.connect(ana)
    await first.subscribe("tenant", presence=True)
    one, _ = world.connect(ben)
    two, _ = world.connect(ben)
    for session in (one, two):
        await session.subscribe("tenant", presence=True)
    await turns()
    assert got.crowd == {ana.user_id, ben.user_id}
    one.close()
    await turns()
    world.hub.signal_presence(tenant_key(TENANT))
    await turns()
    assert got.crowd == {ana.user_id, ben.user_id}
    two.close()
    await turns()
    world.hub.signal_presence(tenant_key(TENANT))
    await turns()
    assert got.crowd == {ana.user_id}
    outsider, _ = world.connect(principal(TENANT))
    with pytest.raises(NotFound):
        await outsider.present("tenant")


async def test_many_signals_about_members_cause_few_reads() -> None:
    world = World()
    ana = principal(TENANT)
    session, got = world.connect(ana)
    await session.subscribe("tenant", presence=True)
    await turns()
    before = world.presence.reads
    for _ in range(100):
        world.hub.signal_presence(tenant_key(TENANT))
    await turns()
    assert world.presence.reads == before + 1
    world.hub.signal_presence(tenant_key(TENANT))
    await turns(1)  # the read has begun, and may have missed what follows
    for _ in range(100):
        world.hub.signal_presence(tenant_key(TENANT))
    await turns()
    assert world.presence.reads == before + 3
    assert got.crowd == {ana.user_id}


async def test_a_client_that_leaves_and_returns_sees_the_others_again_and_nothing_in_between() -> None:
    world = World()
    session, got = world.connect(principal(TENANT))
    await session.subscribe("tenant", presence=True)
    await turns()
    got.crowd.clear()
    await session.unsubscribe("tenant")
    ben, _ = world.connect(principal(TENANT))
    await ben.subscribe("tenant", presence=True)
    assert got.crowd == set()
    await session.subscribe("tenant", presence=True)  # while its end of before is still under way
    await turns()
    everyone = {ben.principal.user_id, session.principal.user_id}
    assert got.crowd == everyone
    assert {member.user_id for member in world.presence.present[tenant_key(TENANT)]} == everyone
    session.close()
    await turns()
    assert [member.user_id for member in world.presence.present[tenant_key(TENANT)]] == [ben.principal.user_id]


async def test_a_slow_check_of_subscriptions_delays_no_end_of_another_session() -> None:
    world = World(things={THING: TENANT})
    changed, revoked = principal(TENANT), principal(TENANT)
    (session, got), (_, other) = world.connect(changed), world.connect(revoked)
    await session.subscribe(f"things/{THING}")
    assert changed.session_id is not None
    assert revoked.session_id is not None
    world.answering.clear()
    world.things.clear()
    world.roles[changed.session_id] = frozenset({"b"})
    await world.hub.check()
    world.ended.add(revoked.session_id)
    async with asyncio.timeout(5):
        await world.hub.check()
    assert (other.ended_because, got.ends) == (["revoked"], [])
    world.answering.set()
    await turns()
    assert [channel for channel, _ in got.ends] == [f"things/{THING}"]


@pytest.mark.parametrize(
    "failure", [OSError("connection reset"), Unavailable("the database"), RuntimeError()], ids=lambda failure: type(failure).__name__
)
async def test_a_check_that_fails_is_repeated(failure: Exception) -> None:
    world = World(things={THING: TENANT})
    who = principal(TENANT, "a")
    session, got = world.connect(who)
    channel = f"things/{THING}"
    await session.subscribe(channel)
    assert who.session_id is not None
    world.things.clear()
    world.roles[who.session_id], world.failure = frozenset({"b"}), failure
    await world.hub.check()
    await turns()
    assert (got.ends, session.unchecked, session.checking) == ([], {channel}, False)
    world.failure = None
    await world.hub.check()
    await turns()
    assert ([name for name, _ in got.ends], session.unchecked) == ([channel], set())


async def test_the_members_of_a_process_leave_when_it_stops() -> None:
    world = World()
    (session, _), (other, _) = world.connect(principal(TENANT)), world.connect(principal(TENANT))
    for one in (session, other):
        await one.subscribe("tenant", presence=True)
    await turns()
    assert len(world.presence.present[tenant_key(TENANT)]) == 2
    await world.hub.stop()
    assert world.presence.present[tenant_key(TENANT)] == set()


def test_an_event_without_a_user_stops_no_other() -> None:
    rule = PublicEvent(event="things.made.v1", fields=("name",), to={"user": "owner", "things": "aggregate_id"})
    event = {"name": "things.made.v1", "tenant_id": TENANT}
    for owner, channels in (
        (str(THING), [ChannelKey(True, THING, "user"), tenant_key(TENANT, "things/1")]),
        (None, [tenant_key(TENANT, "things/1")]),
        ("ana@example.com", [tenant_key(TENANT, "things/1")]),
        (7, [tenant_key(TENANT, "things/1")]),
        ({"id": str(THING)}, [tenant_key(TENANT, "things/1")]),
    ):
        payload = json.dumps({"aggregate_id": 1, "owner": owner, "name": "a"}).encode()
        assert [key for key, _ in _entries(stored_event(**event, payload=payload), rule)] == channels


async def test_draining_ends_every_session() -> None:
    world = World()
    session, got = world.connect(principal(TENANT))
    await world.hub.stop()
    assert (session.closed, got.ended_because) == (True, ["draining"])


EVENTS = {"things": {"things.made.v1": ["aggregate_id", "name"], "things.lost.v1": ["aggregate_id"]}}
MADE = PublicEvent(event="things.made.v1", fields=("name",), to={"things": "aggregate_id"}, permission="things:read")
LOST = Unpublished(event="things.lost.v1", reason="Nobody waits for it.")
CHANNEL = Channel(kind="things", message=GetThing, read=lambda id_: GetThing(id=id_))


@dataclass
class CaseEvents:
    parts: tuple[Any, ...]

    def add(self) -> None:
        Channels().add({"things": self.parts}, EVENTS, lambda message: message is GetThing, ["things:read"])


def test_complete_declarations_are_accepted() -> None:
    CaseEvents((CHANNEL, MADE, LOST)).add()


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ((CHANNEL, MADE), "things.lost.v1 has no declaration"),
        ((CHANNEL, MADE, MADE, LOST), "things.made.v1 is declared twice"),
        ((CHANNEL, MADE, LOST, Unpublished(event="things.mad.v1", reason="")), "things.mad.v1 is not an event"),
        ((MADE, LOST), "the channel kind 'things', which no context declares"),
        ((CHANNEL, CHANNEL, MADE, LOST), "two channels have the kind 'things'"),
        ((CHANNEL, PublicEvent(event="things.made.v1", fields=("mail",), permission="things:read"), LOST), "has no field 'mail'"),
        ((CHANNEL, PublicEvent(event="things.made.v1", fields=("name",)), LOST), "goes to no channel"),
        (
            (CHANNEL, PublicEvent(event="things.made.v1", fields=("name",), permission="things:see"), LOST),
            "'things:see', which no context declares",
        ),
        ((Channel(kind="tenant", message=GetThing, read=CHANNEL.read), LOST), "neither tenant nor user"),
        ((Channel(kind="things", message=World, read=CHANNEL.read), MADE, LOST), "World, which has no handler"),  # type: ignore[arg-type]
    ],
)
def test_what_an_author_forgets_is_found_at_start(parts: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        CaseEvents(parts).add()


async def test_a_random_channel_is_not_found() -> None:
    session, _ = World().connect(principal(TENANT))
    with pytest.raises(NotFound):
        await session.subscribe(f"things/{uuid4()}")


def test_a_kind_of_channel_has_a_plain_name_of_its_own() -> None:
    for kind in ("Things", "th-ings", "", "tenant", "user", "1things"):
        with pytest.raises(ConfigurationError, match="must be lower-case letters, digits and _, and neither tenant nor user"):
            CaseEvents((replace(CHANNEL, kind=kind), LOST)).add()


async def test_a_session_ends_at_the_moment_at_which_its_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    session, got = world.connect(principal(TENANT), expires_in=60)
    monkeypatch.setattr(time, "time", lambda: math.nextafter(session.expires_at, 0))
    await world.hub.check()
    assert got.ended_because == []
    monkeypatch.setattr(time, "time", lambda: session.expires_at)
    await world.hub.check()
    assert got.ended_because == ["expired"]


async def test_a_channel_whose_journal_does_not_answer_is_read_again_without_another_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0.0)
    world = World()
    session, got = world.connect(principal(TENANT))
    await session.subscribe("tenant")
    await turns()
    read, failures = world.journal.read, [OSError("connection reset"), Unavailable("the database"), TimeoutError()]

    async def sometimes(key: ChannelKey, after: int, limit: int) -> JournalPage | None:
        if failures:
            raise failures.pop()
        return await read(key, after, limit)

    monkeypatch.setattr(world.journal, "read", sometimes)
    world.journal.append(tenant_key(TENANT))
    world.hub.signal(tenant_key(TENANT))
    await turns()
    assert (failures, got.offsets()) == ([], [1])


async def test_by_default_a_session_has_fifty_channels() -> None:
    things = {UUID(int=number): TENANT for number in range(51)}
    world = World(things=things)
    session, _ = world.connect(principal(TENANT))
    for thing in list(things)[:50]:
        await session.subscribe(f"things/{thing}")
    with pytest.raises(TooManyRequests):
        await session.subscribe(f"things/{UUID(int=50)}")


async def test_a_channel_that_everybody_left_is_not_read_any_more() -> None:
    world = World()
    session, _ = world.connect(principal(TENANT))
    await session.subscribe("tenant", presence=True)
    await turns()
    await session.unsubscribe("tenant")
    await turns()
    before = world.presence.reads
    world.hub.signal_presence(tenant_key(TENANT))
    await turns()
    assert world.presence.reads == before
