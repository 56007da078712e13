"""A run: start everything, let clients write while the killer injects faults, wait until everything has drained, and count."""

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

from api_base.infrastructure.db.connecting import Connection
from chaos.client import Client, account, registered
from chaos.counting import violations
from chaos.faults import OF_BROKERS, RANDOM, named, plan
from chaos.found import found, waiting
from chaos.journal import Journal, Violation
from chaos.killer import InjectedFaults, Killer
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
"""Seconds in which all stored work must finish after the last kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run. `home` is kept; without one, all data is removed. With `brokers`, Kafka and RabbitMQ transport events and jobs."""

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
    """The exit code: 0, or 1 if there is any violation."""
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
    for line in lines(journal, killer.injected, broken, time.monotonic() - began, [fault.name for fault in kinds]):
        say(line)
    return 1 if broken else 0


async def _violations(killer: Killer, options: Options, chance: random.Random) -> list[Violation]:
    made, journal = killer.world, killer.journal
    async with kept_running(made), clients(made, journal, options, chance) as writing:
        await _under_load(writing, killer, options, chance)
        await _ready(made)
        await asyncio.gather(*(client.replay_all() for client in writing))
        counted = [violation async for violation in _counted(made, journal)]
    return [*journal.violations, *(Violation(kind="not injected", what=name) for name in killer.injected.never), *counted]


@asynccontextmanager
async def clients(made: World, journal: Journal, options: Options, chance: random.Random) -> AsyncIterator[list[Client]]:
    """Register users, each with a tenant."""
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
    """Let clients write until the plan is finished and enough writes are acknowledged, until no client can continue, or until Ctrl-C."""
    journal, injected, loop = killer.journal, killer.injected, asyncio.get_running_loop()
    killing = asyncio.create_task(killer.execute(plan(options.kills, chance, options.way, cuts=killer.world.proxy is not None)))
    telling = asyncio.create_task(progress(lambda: _figures(journal, injected, options)))
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
        say("interrupted: counting what was done so far")


def _figures(journal: Journal, injected: InjectedFaults, options: Options) -> str:
    return (
        f"writes {journal.writes}/{options.writes}  kills {len(injected.kills)}/{options.kills}  cuts {len(injected.cuts)}  "
        f"unknown outcomes {journal.unknown}  violations {len(journal.violations)}"
    )


async def _ready(made: World) -> None:
    """Wait until all processes run again."""
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
    """Wait until nothing is pending, up to the limit; the counter reports what is still pending."""
    deadline = time.monotonic() + DRAINED
    while await waiting(connection, SUBSCRIPTIONS) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK)


def _audit(made: World) -> list[Violation]:
    """The findings of `api-base audit verify`."""
    variables = {name: value for name, value in made.variables.items() if name != "CONTEXTS"}
    done = subprocess.run(
        [sys.executable, "-m", "api_base.cli", "audit", "verify"],
        cwd=made.home, env={**os.environ, **variables}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    say(f"api-base audit verify: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()}")
    return [Violation(kind="audit trail", what=line) for line in (done.stdout + done.stderr).splitlines()] if done.returncode else []
