"""What can go wrong, each as one stroke: a process killed at a named point or at random, PostgreSQL killed, connections cut.

A stroke returns when it fell, in nanoseconds of the monotonic clock, and upon whom; None where it could not fall.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from chaos.points import POINTS, Point, Way
from chaos.processes import children, command_line
from chaos.world import World
from tests.brokers import NAMES

NOT_REACHED: Final = 8.0
"""Seconds in which an armed point is reached, or given up for now."""
MAX_OUTAGE_SECONDS: Final = 2.0
"""Seconds after which a broker that was killed is started again."""
MAX_CUT_SECONDS: Final = 1.0
"""Seconds that a connection is cut."""
HITS: Final = {"server": 12, "worker": 4}
"""How often a process of each kind comes by a point at most before it dies there. A worker does things by the batch."""
LOOK: Final = 0.005


@dataclass(frozen=True, slots=True)
class Stroke:
    fault: str
    whom: str
    at: int


type Strike = Callable[[World, random.Random], Awaitable[Stroke | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`kind` is the process that it ends: `server`, `worker`, or neither where it is empty. `kills` is false for what ends none."""

    name: str
    strike: Strike
    kind: str = ""
    kills: bool = True

    def possible(self, world: World) -> bool:
        """Whether it leaves one of the kind: whoever never runs falls behind for ever, and loses nothing."""
        return sum(process.ready and process.name.startswith(self.kind) for process in world.processes) > 1


def at(point: Point) -> Fault:
    """A process that kills itself at `point`."""

    async def strike(world: World, chance: random.Random) -> Stroke | None:
        world.control.arm(point, point.kind, chance.randint(1, HITS[point.kind]))
        deadline = time.monotonic() + NOT_REACHED
        while (reached := world.control.reached()) is None:
            if time.monotonic() > deadline and world.control.disarm():
                return None
            await asyncio.sleep(LOOK)
        return Stroke(point.name, *reached)

    return Fault(name=point.name, strike=strike, kind=point.kind)


async def _kill_server(world: World, chance: random.Random) -> Stroke | None:
    return _kill_one(world, "server", chance)


async def _kill_worker(world: World, chance: random.Random) -> Stroke | None:
    return _kill_one(world, "worker", chance)


def _kill_one(world: World, kind: str, chance: random.Random) -> Stroke | None:
    """The command's own process or one that it started; a server's supervisor takes its server with it."""
    up = [(process.name, pid) for process in world.processes if process.kind == kind and process.ready for pid in process.pids()]
    return _killed(f"{kind} killed", *chance.choice(up)) if up else None


async def _kill_backend(world: World, chance: random.Random) -> Stroke | None:
    """One connection's process: PostgreSQL then ends all others and recovers."""
    backends = [pid for pid in children(world.postmaster()) if any(f" {role} " in command_line(pid) for role in ("app", "worker"))]
    return _killed("PostgreSQL backend killed", "postgresql", chance.choice(backends)) if backends else None


async def _kill_postmaster(world: World, chance: random.Random) -> Stroke | None:
    del chance
    return _killed("PostgreSQL killed", "postgresql", world.postmaster())


def _killed(fault: str, whom: str, pid: int) -> Stroke | None:
    at = time.monotonic_ns()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return Stroke(fault, whom, at)


def cutting(name: str) -> Fault:
    """Connections to PostgreSQL that Toxiproxy ends (`cut`), resets (`reset`) or holds (`stall`), all of them, for a while."""

    async def strike(world: World, chance: random.Random) -> Stroke | None:
        assert world.proxy is not None  # planned only where there is one
        at = time.monotonic_ns()
        getattr(world.proxy, name)()
        await asyncio.sleep(chance.uniform(0.05, MAX_CUT_SECONDS))
        world.proxy.mend()
        return Stroke(f"connections: {name}", "postgresql", at)

    return Fault(name=f"connections: {name}", strike=strike, kills=False)


def _killing(broker: str) -> Fault:
    """Kafka or RabbitMQ killed, and started again after a while."""

    async def strike(world: World, chance: random.Random) -> Stroke | None:
        assert world.brokers is not None  # planned only where there are some
        one, at = world.brokers[broker], time.monotonic_ns()
        await asyncio.to_thread(one.kill)
        await asyncio.sleep(chance.uniform(0.1, MAX_OUTAGE_SECONDS))
        await asyncio.to_thread(one.start)
        return Stroke(f"{broker} killed", broker, at)

    return Fault(name=f"{broker} killed", strike=strike)


RANDOM: Final = (
    Fault(name="server killed", strike=_kill_server, kind="server"),
    Fault(name="worker killed", strike=_kill_worker, kind="worker"),
    Fault(name="PostgreSQL backend killed", strike=_kill_backend),
    Fault(name="PostgreSQL killed", strike=_kill_postmaster),
)
WEIGHTS: Final = (10, 6, 3, 2)
"""Of RANDOM, in its order."""
OF_BROKERS: Final = tuple(_killing(name) for name in NAMES)
CUTS: Final = tuple(cutting(name) for name in ("cut", "reset", "stall"))


def named(way: Way) -> list[Fault]:
    """The points that are come by where `way` carries."""
    return [at(point) for point in POINTS if point.way in (None, way)]


def plan(kills: int, chance: random.Random, way: Way, *, cuts: bool) -> list[Fault]:
    """`kills` faults that kill, every named point and every kind of random one among them while there is room, in a random order.

    Where connections can be cut, one cut goes with every ten kills, and each kind at least once. A tenth falls upon the brokers, if there are any.
    """
    points, brokers = named(way), OF_BROKERS if way is Way.BROKERS else ()
    chosen = [*points, *RANDOM, *brokers][:kills]
    while len(chosen) < kills:
        kind = chance.choice(["server", "worker", ""])
        if brokers and chance.random() < 0.1:
            chosen.append(chance.choice(brokers))
        else:
            chosen.append(chance.choice([fault for fault in points if fault.kind == kind]) if kind else chance.choices(RANDOM, WEIGHTS)[0])
    if cuts:
        chosen += CUTS + tuple(chance.choice(CUTS) for _ in range(kills // 10 - len(CUTS)))
    chance.shuffle(chosen)
    return chosen
