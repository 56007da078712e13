"""The faults to inject: kill a process at a named point or at random, kill PostgreSQL or a broker, cut connections.

Injecting a fault returns the time, in nanoseconds of the monotonic clock, and the target; None if it could not be injected.
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
"""Seconds to wait for an armed point before postponing it."""
MAX_OUTAGE_SECONDS: Final = 2.0
"""Maximum seconds before a killed broker is restarted."""
MAX_CUT_SECONDS: Final = 1.0
"""Maximum seconds for which connections are cut."""
HITS: Final = {"server": 12, "worker": 4}
"""Maximum number of times that a process passes an armed point before it dies there. A worker works in batches, so it passes less often."""
LOOK: Final = 0.005


@dataclass(frozen=True, slots=True)
class InjectedFault:
    fault: str
    target: str
    at: int


type Injection = Callable[[World, random.Random], Awaitable[InjectedFault | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`kind` is the process that the fault ends: `server`, `worker`, or empty for neither. `kills` is false if it ends no process."""

    name: str
    inject: Injection
    kind: str = ""
    kills: bool = True

    def possible(self, world: World) -> bool:
        """Whether another process of the kind keeps running: a system without one makes no progress and tests nothing."""
        return sum(process.ready and process.name.startswith(self.kind) for process in world.processes) > 1


def at(point: Point) -> Fault:
    """A process that kills itself at `point`."""

    async def inject(world: World, chance: random.Random) -> InjectedFault | None:
        world.control.arm(point, point.kind, chance.randint(1, HITS[point.kind]))
        deadline = time.monotonic() + NOT_REACHED
        while (reached := world.control.reached()) is None:
            if time.monotonic() > deadline and world.control.disarm():
                return None
            await asyncio.sleep(LOOK)
        return InjectedFault(point.name, *reached)

    return Fault(name=point.name, inject=inject, kind=point.kind)


async def _kill_server(world: World, chance: random.Random) -> InjectedFault | None:
    return _kill_one(world, "server", chance)


async def _kill_worker(world: World, chance: random.Random) -> InjectedFault | None:
    return _kill_one(world, "worker", chance)


def _kill_one(world: World, kind: str, chance: random.Random) -> InjectedFault | None:
    """Kill the command's process or one of its children. A supervisor takes its server with it."""
    up = [(process.name, pid) for process in world.processes if process.kind == kind and process.ready for pid in process.pids()]
    return _killed(f"{kind} killed", *chance.choice(up)) if up else None


async def _kill_backend(world: World, chance: random.Random) -> InjectedFault | None:
    """Kill the backend of one connection. PostgreSQL then ends all sessions and recovers."""
    backends = [pid for pid in children(world.postmaster()) if any(f" {role} " in command_line(pid) for role in ("app", "worker"))]
    return _killed("PostgreSQL backend killed", "postgresql", chance.choice(backends)) if backends else None


async def _kill_postmaster(world: World, chance: random.Random) -> InjectedFault | None:
    del chance
    return _killed("PostgreSQL killed", "postgresql", world.postmaster())


def _killed(fault: str, target: str, pid: int) -> InjectedFault | None:
    at = time.monotonic_ns()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return InjectedFault(fault, target, at)


def cutting(name: str) -> Fault:
    """Toxiproxy closes (`cut`), resets (`reset`) or stalls (`stall`) all connections to PostgreSQL for a while."""

    async def inject(world: World, chance: random.Random) -> InjectedFault | None:
        assert world.proxy is not None  # planned only with a proxy
        at = time.monotonic_ns()
        getattr(world.proxy, name)()
        await asyncio.sleep(chance.uniform(0.05, MAX_CUT_SECONDS))
        world.proxy.mend()
        return InjectedFault(f"connections: {name}", "postgresql", at)

    return Fault(name=f"connections: {name}", inject=inject, kills=False)


def _killing(broker: str) -> Fault:
    """Kill Kafka or RabbitMQ, and restart it after a while."""

    async def inject(world: World, chance: random.Random) -> InjectedFault | None:
        assert world.brokers is not None  # planned only with brokers
        one, at = world.brokers[broker], time.monotonic_ns()
        await asyncio.to_thread(one.kill)
        await asyncio.sleep(chance.uniform(0.1, MAX_OUTAGE_SECONDS))
        await asyncio.to_thread(one.start)
        return InjectedFault(f"{broker} killed", broker, at)

    return Fault(name=f"{broker} killed", inject=inject)


RANDOM: Final = (
    Fault(name="server killed", inject=_kill_server, kind="server"),
    Fault(name="worker killed", inject=_kill_worker, kind="worker"),
    Fault(name="PostgreSQL backend killed", inject=_kill_backend),
    Fault(name="PostgreSQL killed", inject=_kill_postmaster),
)
WEIGHTS: Final = (10, 6, 3, 2)
"""The weights of RANDOM, in its order."""
OF_BROKERS: Final = tuple(_killing(name) for name in NAMES)
CUTS: Final = tuple(cutting(name) for name in ("cut", "reset", "stall"))


def named(way: Way) -> list[Fault]:
    """The points that processes pass when `way` transports events and jobs."""
    return [at(point) for point in POINTS if point.way in (None, way)]


def plan(kills: int, chance: random.Random, way: Way, *, cuts: bool) -> list[Fault]:
    """A plan of `kills` killing faults in random order, with every named point and every kind of random fault while there is room.

    If connections can be cut, one cut follows every ten kills, and each kind of cut occurs at least once. A tenth of the faults hit the
    brokers, if there are any.
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
