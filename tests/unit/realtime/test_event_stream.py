"""Server-Sent Events of the hub: ids with all positions, the bound of the queue, ends."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from api_base.application.common.realtime import ChannelEvent, Position
from api_base.application.common.realtime.feed import PAGE
from api_base.core.errors import Invalid
from api_base.core.types import RequestContext
from api_base.interface.event_stream import MAX_QUEUED, MAX_QUEUED_BYTES, EventStream, channels_of, positions_of
from tests.unit.realtime.harness import LIMITS, World, principal, tenant_key
from tests.unit.realtime.memory_journal import MemoryJournal

TENANT, THING = UUID(int=7), UUID(int=9)


def stream_of(world: World, expires_in: float = 60.0) -> EventStream:
    who = principal(TENANT)
    assert who.session_id is not None
    world.open_as[who.session_id] = who
    context = RequestContext(request_id="test", principal=who, address="192.0.2.1")
    return EventStream(world.hub, context, time.time() + expires_in)


def fields_of(part: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in part.decode().strip().split("\n"))


async def test_the_id_of_each_event_restores_every_channel() -> None:
    world = World(things={THING: TENANT})
    channel = f"things/{THING}"
    stream = stream_of(world)
    await stream.subscribe(["tenant", channel], {})
    parts = stream.parts()
    for _ in range(3):
        await anext(parts)
    for key in (tenant_key(TENANT), tenant_key(TENANT, channel)):
        world.journal.append(key)
        world.hub.signal(key)
    found = [fields_of(await anext(parts)) for _ in range(2)]
    after = positions_of(found[-1]["id"])
    assert {name: position.offset for name, position in after.items()} == {"tenant": 1, channel: 1}
    await parts.aclose()
    world.journal.append(tenant_key(TENANT))
    again = stream_of(world)
    await again.subscribe(["tenant", channel], after)
    parts = again.parts()
    shown = [fields_of(await anext(parts)) for _ in range(4)]
    assert [one.get("event") for one in shown] == [None, "subscribed", "event", "subscribed"]
    assert positions_of(shown[1]["id"]) == after
    assert '"recovered": true' in shown[1]["data"]
    assert '"position": "' + str(Position(after["tenant"].epoch, 2)) in shown[2]["data"]
    await parts.aclose()


async def test_a_client_that_does_not_read_is_disconnected_and_holds_a_bounded_queue() -> None:
    world = World(journal=MemoryJournal(keep=5000))
    stream = stream_of(world)
    await stream.subscribe(["tenant"], {})
    for _ in range(MAX_QUEUED + 10):
        world.journal.append(tenant_key(TENANT))
    world.hub.signal(tenant_key(TENANT))
    async with asyncio.timeout(5):
        while not stream.session.closed:
            await asyncio.sleep(0)
    parts = [part async for part in stream.parts()]
    assert parts[-1] == b'event: end\ndata: {"reason":"slow"}\n\n'
    offsets = [positions_of(fields_of(part)["id"])["tenant"].offset for part in parts[1:-1]]
    assert offsets == list(range(len(offsets)))  # what waited is sent, so that the client gets further each time
    assert len(offsets) <= MAX_QUEUED + 1 + PAGE


async def test_what_waits_is_bounded_in_bytes() -> None:
    world = World(journal=MemoryJournal(keep=5000))
    stream = stream_of(world)
    await stream.subscribe(["tenant"], {})
    size, count = 50_000, 40
    at = datetime.now(UTC)
    for number in range(1, count + 1):
        event = ChannelEvent("tenant", Position("a", number), UUID(int=number), "things.made.v1", at, b'"%b"' % (b"x" * size))
        stream.deliver([event])
    await world.hub.check()
    assert (world.gauges["stream_slow_clients_total"], world.gauges["stream_queued_messages"]) == (1, MAX_QUEUED_BYTES // size + 3)
    parts = [part async for part in stream.parts()]
    assert world.hub.figures.queued == 0
    assert parts[-1] == b'event: end\ndata: {"reason":"slow"}\n\n'
    assert MAX_QUEUED_BYTES <= sum(map(len, parts)) <= MAX_QUEUED_BYTES + 2 * size
    assert stream.session.closed


async def test_a_client_recovers_more_than_may_wait() -> None:
    world = World(journal=MemoryJournal(keep=5000), limits=replace(LIMITS, recovered=5000))
    first = stream_of(world)
    await first.subscribe(["tenant"], {})
    start = first.parts()
    await anext(start)
    after = positions_of(fields_of(await anext(start))["id"])
    await start.aclose()
    for _ in range(2 * MAX_QUEUED):
        world.journal.append(tenant_key(TENANT))
    again = stream_of(world)
    await again.subscribe(["tenant"], after)
    parts = again.parts()
    for _ in range(2):
        await anext(parts)
    offsets = [positions_of(fields_of(await anext(parts))["id"])["tenant"].offset for _ in range(2 * MAX_QUEUED)]
    assert offsets == list(range(1, 2 * MAX_QUEUED + 1))
    await parts.aclose()


async def test_a_client_that_resumes_with_more_than_fits_gets_what_waits_and_goes_on_from_there() -> None:
    """The second channel fills the queue while the third is still to be subscribed to."""
    world = World(journal=MemoryJournal(keep=5000), limits=replace(LIMITS, recovered=5000), things={THING: TENANT})
    channels = ["tenant", f"things/{THING}", "user"]
    first = stream_of(world)
    await first.subscribe(channels, {})
    parts = first.parts()
    for _ in range(3):
        await anext(parts)
    after = positions_of(fields_of(await anext(parts))["id"])
    await parts.aclose()
    for channel in channels[:2]:
        for _ in range(MAX_QUEUED + 1):
            world.journal.append(tenant_key(TENANT, channel))

    again = stream_of(world)
    await again.subscribe(channels, after)
    shown = [fields_of(part) async for part in again.parts()][1:]
    assert [one["event"] for one in shown] == ["subscribed", *["event"] * (MAX_QUEUED + 1), "subscribed", "end"]
    assert shown[-1]["data"] == '{"reason":"slow"}'
    assert (again.session.closed, world.hub.sessions, world.hub.figures.queued, world.hub.figures.slow) == (True, 0, 0, 1)
    reached = positions_of(shown[-2]["id"])
    assert [reached[channel].offset for channel in channels] == [MAX_QUEUED + 1, 0, 0]

    last = stream_of(world)
    await last.subscribe(channels, reached)
    parts = last.parts()
    found = [fields_of(await anext(parts)) for _ in range(MAX_QUEUED + 5)][1:]
    assert [one["event"] for one in found].count("event") == MAX_QUEUED + 1
    assert [position.offset for position in positions_of(found[-1]["id"]).values()] == [MAX_QUEUED + 1, MAX_QUEUED + 1, 0]
    await parts.aclose()


async def test_a_stream_ends_with_its_token() -> None:
    world = World()
    stream = stream_of(world, expires_in=-1.0)
    await stream.subscribe(["tenant"], {})
    await world.hub.check()
    assert [part async for part in stream.parts()][-1] == b'event: end\ndata: {"reason":"expired"}\n\n'


@pytest.mark.parametrize(
    "text", ["x", "tenant", "tenant=", "=a:1", "tenant=a:1,tenant=a:1", "tenant=A:1", "tenant=a:01", "tenant=a:-1", "a" * 9000]
)
def test_a_last_event_id_that_was_never_sent_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        positions_of(text)


@pytest.mark.parametrize("text", ["", "tenant,tenant", ",".join(f"a{n}" for n in range(9))])
def test_channels_are_bounded_and_each_is_named_once(text: str) -> None:
    with pytest.raises(Invalid):
        channels_of(text, 8)
