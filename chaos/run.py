"""A run: everything is started, clients write while the killer strikes, all is let drain, and what became of each write is counted."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from api_base.infrastructure.db.pool import Connection
from chaos.client import Client, account, registered
from chaos.counting import violations
from chaos.faults import OF_BROKERS, RANDOM, named, plan
from chaos.found import found, waiting
from chaos.journal import Journal, Violation
from chaos.killer import Killer, Strokes
from chaos.points import Way
from chaos.progress import progress, say
from chaos.proof import unproven
from chaos.report import lines
from chaos.sender import Sender
from chaos.subscribers import SUBSCRIPTIONS
from chaos.world import World, folder, kept_running, world
from tests.brokers import brokers

LOOK: Final = 0.1
DRAINED: Final = 60.0
"""Seconds in which what is stored must be carried out once nothing is killed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much of what. `home` is kept; without one, what was made is removed. With `brokers`, Kafka and RabbitMQ carry events and jobs."""

    kills: int
    writes: int
    seed: int
    clients: int
    servers: int
    workers: int
    home: Path | None
    brokers: bool

    @property
    def way(self) -> Way:
        return Way.BROKERS if self.brokers else Way.DATABASE


def run(options: Options) -> int:
    """0, or 1 where anything is not as it must be."""
    began = time.monotonic()
    chance, journal = random.Random(options.seed), Journal()
    with ExitStack() as stack:
        home = stack.enter_context(folder(options.home))
        carriers = stack.enter_context(brokers()) if options.brokers else None
        made = stack.enter_context(world(home, options.servers, options.workers, carriers))
        say(f"seed {options.seed}; connections are {'cut by Toxiproxy too' if made.proxy else 'not cut: Toxiproxy does not answer'}")
        killer = Killer(made, journal, chance, options.writes)
        broken = asyncio.run(_violations(killer, options, chance))
    say("")
    kinds = [*named(options.way), *RANDOM, *(OF_BROKERS if options.brokers else ())]
    for line in lines(journal, killer.strokes, broken, time.monotonic() - began, [fault.name for fault in kinds]):
        say(line)
    return 1 if broken else 0


async def _violations(killer: Killer, options: Options, chance: random.Random) -> list[Violation]:
    made, journal = killer.world, killer.journal
    async with kept_running(made), clients(made, journal, options, chance) as writing:
        await _under_load(writing, killer, options, chance)
        await _ready(made)
        await asyncio.gather(*(client.replay_all() for client in writing))
        counted = [violation async for violation in _counted(made, journal)]
    return [*journal.violations, *(Violation(kind="not struck", what=name) for name in killer.strokes.never), *counted]


@asynccontextmanager
async def clients(made: World, journal: Journal, options: Options, chance: random.Random) -> AsyncIterator[list[Client]]:
    """Users with a tenant each, who can log in."""
    senders, writing = [], []
    try:
        for number in range(options.clients):
            own = random.Random(chance.random())
            senders.append(sender := Sender(made.servers, account(number), journal, own))
            await registered(sender)
            await sender.log_in()
            writing.append(Client(sender, journal, own))
        yield writing
    finally:
        for sender in senders:
            sender.close()


async def _under_load(writing: Sequence[Client], killer: Killer, options: Options, chance: random.Random) -> None:
    """Clients write until the plan is carried out and enough is acknowledged, until none of them can go on, or until Ctrl-C."""
    journal, strokes, loop = killer.journal, killer.strokes, asyncio.get_running_loop()
    killing = asyncio.create_task(killer.carry_out(plan(options.kills, chance, options.way, cuts=killer.world.proxy is not None)))
    telling = asyncio.create_task(progress(lambda: _figures(journal, strokes, options)))
    interrupted = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, interrupted.set)

    def over() -> bool:
        return interrupted.is_set() or (killing.done() and journal.writes >= options.writes)

    try:
        await asyncio.gather(*(client.write_until(over, killer.ahead) for client in writing))
        if killing.done():
            await killing
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        for task in (killing, telling):
            task.cancel()
        await asyncio.gather(killing, telling, return_exceptions=True)
        killer.world.spare()
    if interrupted.is_set():
        say("interrupted: what was done until now is counted")


def _figures(journal: Journal, strokes: Strokes, options: Options) -> str:
    return (
        f"writes {journal.writes}/{options.writes}  kills {len(strokes.kills)}/{options.kills}  cuts {len(strokes.cuts)}  "
        f"unknown outcomes {journal.unknown}  violations {len(journal.violations)}"
    )


async def _ready(made: World) -> None:
    """Everything runs again."""
    async with asyncio.timeout(DRAINED):
        while not made.all_ready():
            await asyncio.sleep(LOOK)


async def _counted(made: World, journal: Journal) -> AsyncIterator[Violation]:
    connection = await asyncpg.connect(made.database.administrator_url())
    try:
        await _drained(connection)
        for violation in violations(journal, await found(connection, SUBSCRIPTIONS), SUBSCRIPTIONS):
            yield violation
        for violation in _audit(made):
            yield violation
        async for violation in unproven(connection, journal):
            yield violation
    finally:
        await connection.close()


async def _drained(connection: Connection) -> None:
    """Wait until nothing waits, for as long as that may take at most; what waits then is counted."""
    deadline = time.monotonic() + DRAINED
    while await waiting(connection, SUBSCRIPTIONS) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK)


def _audit(made: World) -> list[Violation]:
    """What `api-base audit verify` finds."""
    variables = {name: value for name, value in made.variables.items() if name != "CONTEXTS"}
    done = subprocess.run(
        [sys.executable, "-m", "api_base.cli", "audit", "verify"],
        cwd=made.home, env={**os.environ, **variables}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    say(f"api-base audit verify: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()}")
    return [Violation(kind="audit trail", what=line) for line in (done.stdout + done.stderr).splitlines()] if done.returncode else []
