"""Subscriptions on a hub in memory: positions, recovery, resets, slow clients, and the end of a session."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from api_base.application.common.cqrs import Bus
from api_base.application.common.realtime import ChannelEvent, ChannelKey, Position
from api_base.core.types import NO_REQUEST, Principal, RequestContext, current_context
from api_base.interface.graphql.context import GraphQLContext
from api_base.interface.graphql.schema import build_schema
from api_base.interface.graphql.sessions import LiveSession
from api_base.interface.graphql.subscriptions import MAX_QUEUED, Queue
from tests.unit.realtime.harness import World, principal, tenant_key

QUERY: Final = """
subscription($channel: String!, $after: String) {
  events(channel: $channel, after: $after) { position recovered reset event { name data } }
}
"""
SCHEMA: Final = build_schema([])


def event(offset: int) -> ChannelEvent:
    return ChannelEvent("tenant", Position("a", offset), uuid4(), "things.changed.v1", datetime.now(UTC), b'{"n":1}')


@asynccontextmanager
async def subscribed(world: World, who: Principal, channel: str = "tenant", after: str | None = None) -> AsyncIterator[AsyncGenerator[Any]]:
    """The messages that a client receives."""
    assert who.session_id is not None
    world.open_as[who.session_id] = who
    context = RequestContext(request_id="test", principal=who)
    current_context.set(context)
    session = LiveSession(world.hub, context, time.time() + 60, lambda reason: None)
    variables = {"channel": channel} if after is None else {"channel": channel, "after": after}
    stream = await SCHEMA.subscribe(QUERY, variable_values=variables, context_value=GraphQLContext(Bus(()), session))
    try:
        yield stream  # type: ignore[misc]
    finally:
        await stream.aclose()  # type: ignore[union-attr]
        session.close()
        current_context.set(NO_REQUEST)


async def received(stream: AsyncGenerator[Any]) -> dict[str, Any]:
    result = await anext(stream)
    assert result.errors is None, result.errors
    found: dict[str, Any] = result.data["events"]
    return found


async def refused(stream: AsyncGenerator[Any]) -> str:
    result = await anext(stream)
    (error,) = result.errors
    code: str = error.extensions["code"]
    return code


def appended(world: World, key: ChannelKey) -> str:
    added = world.journal.append(key)
    assert added is not None
    world.hub.signal(key)
    return str(added.position)


async def test_a_client_that_resumes_gets_what_it_missed_and_then_what_happens() -> None:
    world, who = World(), principal(uuid4())
    assert who.tenant_id is not None
    key = tenant_key(who.tenant_id)
    async with subscribed(world, who) as stream:
        first = await received(stream)
        assert (first["recovered"], first["reset"], first["event"]) == (None, False, None)
        position = appended(world, key)
        assert await received(stream) == {
            "position": position,
            "recovered": None,
            "reset": False,
            "event": {"name": "things.happened.v1", "data": {}},
        }
    missed = appended(world, key)
    async with subscribed(world, who, after=position) as stream:
        assert (await received(stream))["recovered"] is True
        assert (await received(stream))["position"] == missed
    assert world.hub.sessions == 0


async def test_a_position_of_another_epoch_is_not_recovered_but_reset() -> None:
    world, who = World(), principal(uuid4())
    async with subscribed(world, who, after="abc:7") as stream:
        first = await received(stream)
        assert (first["recovered"], first["reset"]) == (False, True)


async def test_a_channel_of_another_tenant_is_refused_as_an_unknown_one() -> None:
    thing, tenant = uuid4(), uuid4()
    world = World(things={thing: tenant})
    async with subscribed(world, principal(tenant), f"things/{thing}") as stream:
        await received(stream)
    answers = []
    for id in (thing, uuid4()):
        async with subscribed(world, principal(uuid4()), f"things/{id}") as stream:
            answers.append(await refused(stream))
    assert answers == ["NOT_FOUND", "NOT_FOUND"]


async def test_a_malformed_position_is_refused() -> None:
    async with subscribed(World(), principal(uuid4()), after="garbage") as stream:
        assert await refused(stream) == "VALIDATION"


async def test_a_revoked_session_ends_the_subscription() -> None:
    world, who = World(), principal(uuid4())
    async with subscribed(world, who) as stream:
        await received(stream)
        world.ended.add(UUID(str(who.session_id)))
        await world.hub.check()
        assert await refused(stream) == "UNAUTHENTICATED"
        assert [one async for one in stream] == []


async def test_two_subscriptions_of_one_connection_to_a_channel_both_receive() -> None:
    world, who = World(), principal(uuid4())
    assert who.tenant_id is not None
    assert who.session_id is not None
    world.open_as[who.session_id] = who
    session = LiveSession(world.hub, RequestContext(request_id="test", principal=who), time.time() + 60, lambda reason: None)
    first, second = Queue(), Queue()
    async with session.subscribed("tenant", None, first):
        async with session.subscribed("tenant", None, second):
            assert world.hub.sessions == 2
            positions = [appended(world, tenant_key(who.tenant_id))]
            assert [str((await queue.next()).position) for queue in (first, second)] == positions * 2
        assert world.hub.sessions == 1
        positions.append(appended(world, tenant_key(who.tenant_id)))
        assert str((await first.next()).position) == positions[1]
    session.close()
    assert world.hub.sessions == 0


async def test_messages_are_taken_in_their_order() -> None:
    queue = Queue()
    queue.deliver([event(1), event(2)])
    assert [str((await queue.next()).position) for _ in range(2)] == ["a:1", "a:2"]


async def test_a_client_that_does_not_keep_up_gets_a_reset_at_the_last_position() -> None:
    queue = Queue()
    queue.deliver([event(1)])
    queue.deliver([event(offset) for offset in range(2, MAX_QUEUED + 3)])
    message = await queue.next()
    assert (message.reset, str(message.position), message.event) == (True, f"a:{MAX_QUEUED + 2}", None)
    queue.deliver([event(MAX_QUEUED + 3)])
    assert not (await queue.next()).reset


async def test_what_was_recovered_is_delivered_whole() -> None:
    queue = Queue()
    queue.deliver([event(offset) for offset in range(1, 4 * MAX_QUEUED)])
    positions = [str((await queue.next()).position) for _ in range(1, 4 * MAX_QUEUED)]
    assert positions == [f"a:{offset}" for offset in range(1, 4 * MAX_QUEUED)]


async def test_a_reset_replaces_what_waits() -> None:
    queue = Queue()
    queue.deliver([event(1)])
    queue.reset("tenant", Position("b", 0))
    assert (await queue.next()).reset
