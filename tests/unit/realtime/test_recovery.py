"""Random interleavings of appends, lost signals, subscriptions and reconnects: nothing is missed, doubled or out of order without a reset."""

import asyncio
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from api_base.application.common.realtime import Position
from tests.unit.realtime.harness import World, principal, tenant_key
from tests.unit.realtime.memory_journal import MemoryJournal, Recording

TENANT = UUID(int=7)
KEY = tenant_key(TENANT)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 4), st.integers(0, 3)),
        st.tuples(st.just("turns"), st.integers(1, 6), st.just(0)),
        st.tuples(st.just("reconnect"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
        st.tuples(st.just("poll"), st.integers(0, 1), st.just(0)),
    ),
    max_size=40,
)


class Client:
    """Reconnects with the position of its last event or reset, as a client does, to either of two processes."""

    def __init__(self) -> None:
        self.at: Position | None = None
        self.log: list[tuple[bool, Position]] = []
        self.promised: list[tuple[Position, Position]] = []

    def take(self, receiver: Recording) -> None:
        resets = iter(receiver.resets)
        for one in receiver.got:
            self.at = next(resets) if one is None else one.position
            self.log.append((one is None, self.at))


class Game:
    """One client, two processes, one journal."""

    def __init__(self, keep: int) -> None:
        self.world = World(journal=MemoryJournal(keep))
        self.hubs = [self.world.hub, self.world.another_process(self.world.channels)]
        self.client, self.appended = Client(), list[Position]()

    async def begin(self) -> None:
        await self.world.journal.open(KEY)
        for hub in self.hubs:  # so that each process has a feed, which may lag behind the other's
            await self.world.connect(principal(TENANT), hub=hub)[0].subscribe("tenant")
        self.session, self.receiver = self.world.connect(principal(TENANT))
        self.start = self.client.at = (await self.session.subscribe("tenant")).position

    def append(self, number: int, signalled: int) -> None:
        for _ in range(number):
            event = self.world.journal.append(KEY)
            if event is not None:
                self.appended.append(event.position)
        for bit, hub in enumerate(self.hubs, 1):
            if signalled & bit:
                hub.signal(KEY)

    async def turns(self, number: int, _: int) -> None:
        for _turn in range(number):
            await asyncio.sleep(0)

    async def reconnect(self, process: int, meanwhile: int) -> None:
        self.disconnect()
        self.session, self.receiver = self.world.connect(principal(TENANT), hub=self.hubs[process])
        subscribing = asyncio.create_task(self.session.subscribe("tenant", self.client.at))
        for _ in range(3 if meanwhile else 0):
            await asyncio.sleep(0)
            self.append(1, 3)
        result = await subscribing
        await asyncio.sleep(0)  # what is recovered comes in the next turn
        if result.recovered:
            assert self.client.at is not None
            self.client.promised.append((self.client.at, result.position))

    def disconnect(self) -> None:
        self.session.close()
        self.client.take(self.receiver)


async def _play(steps: list[tuple[str, int, int]], keep: int) -> None:
    game = Game(keep)
    await game.begin()
    for kind, number, flag in steps:
        if kind == "append":
            game.append(number, flag)
        elif kind == "poll":
            game.hubs[number].signal_all()
        elif kind == "restart":
            game.world.journal.restart(KEY)
        else:
            await {"turns": game.turns, "reconnect": game.reconnect}[kind](number, flag)
    for hub in game.hubs:
        hub.signal_all()
    await game.turns(300, 0)
    game.disconnect()
    _verify(game.client, game.start, game.appended)


def _verify(client: Client, start: Position, appended: list[Position]) -> None:
    last, received = start, set()
    for was_reset, position in client.log:
        if not was_reset:
            assert position in appended
            assert (position.epoch, position.offset) == (last.epoch, last.offset + 1), client.log
            received.add(position)
        last = position
    for began, ended in client.promised:
        assert began.epoch == ended.epoch
        assert received >= {one for one in appended if one.epoch == began.epoch and began.offset < one.offset <= ended.offset}
    if appended and appended[-1].epoch == last.epoch:
        assert last == appended[-1]


@settings(max_examples=300)
@given(STEPS, st.integers(1, 12))
def test_nothing_is_missed_doubled_or_out_of_order_without_a_reset(steps: list[tuple[str, int, int]], keep: int) -> None:
    asyncio.run(_play(steps, keep))
