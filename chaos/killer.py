"""Carries a plan out, a stroke for each share of the writes, while clients write."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chaos.faults import Fault, Stroke
from chaos.journal import Journal
from chaos.world import World

TRIES: Final = 4
"""How often a stroke that could not fall is tried again, at the end of the plan each time."""
LOOK: Final = 0.02


@dataclass(slots=True)
class Strokes:
    """What was struck. `never` are faults that could not be brought about."""

    kills: list[Stroke] = field(default_factory=list)
    cuts: list[Stroke] = field(default_factory=list)
    never: list[str] = field(default_factory=list)

    def by_fault(self) -> Counter[str]:
        return Counter(stroke.fault for stroke in (*self.kills, *self.cuts))


class Killer:
    """Strikes number n once n shares of `writes` are acknowledged, so that kills are spread over the whole run."""

    def __init__(self, world: World, journal: Journal, chance: random.Random, writes: int) -> None:
        self.world, self.journal = world, journal
        self._chance, self._writes = chance, writes
        self.strokes = Strokes()

    async def carry_out(self, plan: Sequence[Fault]) -> None:
        left = deque((fault, TRIES) for fault in plan)
        while left:
            fault, tries = left.popleft()
            await self._due(len(self.strokes.kills) + len(self.strokes.cuts), len(plan))
            stroke = await fault.strike(self.world, self._chance)
            if stroke is not None:
                (self.strokes.kills if fault.kills else self.strokes.cuts).append(stroke)
            elif tries:
                left.append((fault, tries - 1))
            else:
                self.strokes.never.append(fault.name)

    async def _due(self, struck: int, planned: int) -> None:
        """Wait for its share of the writes, and for somebody to kill: a server and a worker."""
        while self.journal.writes < self._writes * struck // planned or not self._somebody():
            await asyncio.sleep(LOOK)

    def _somebody(self) -> bool:
        return any(server.ready for server in self.world.servers) and any(worker.ready for worker in self.world.workers)
