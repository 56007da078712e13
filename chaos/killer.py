"""Carries a plan out, a stroke for each share of the writes, while clients write."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chaos.faults import Fault, Stroke
from chaos.journal import Journal
from chaos.progress import say
from chaos.world import World

TRIES: Final = 4
"""How often a stroke that could not fall is tried again, at the end of the plan each time."""
AHEAD: Final = 2
"""Shares of the writes that may be acknowledged before their strokes fall."""
LOOK: Final = 0.02


@dataclass(slots=True)
class Strokes:
    """What was struck. `never` are faults that could not be brought about."""

    kills: list[Stroke] = field(default_factory=list)
    cuts: list[Stroke] = field(default_factory=list)
    never: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.kills) + len(self.cuts)

    def by_fault(self) -> Counter[str]:
        return Counter(stroke.fault for stroke in (*self.kills, *self.cuts))


class Killer:
    """Strikes number n once n shares of `writes` are acknowledged, so that kills are spread over the whole run."""

    def __init__(self, world: World, journal: Journal, chance: random.Random, writes: int) -> None:
        self.world, self.journal = world, journal
        self._chance, self._writes = chance, writes
        self._planned = 1
        self.strokes = Strokes()

    async def carry_out(self, plan: Sequence[Fault]) -> None:
        """In the order of the plan, but what nobody is there for is put off until somebody is."""
        left = [(fault, TRIES) for fault in plan]
        self._planned = len(plan)
        while left:
            place = await self._due([fault for fault, _ in left])
            fault, tries = left.pop(place)
            stroke = await fault.strike(self.world, self._chance)
            if stroke is not None:
                (self.strokes.kills if fault.kills else self.strokes.cuts).append(stroke)
            elif tries:
                say(f"        {fault.name}: not yet, again later")
                left.append((fault, tries - 1))
            else:
                self.strokes.never.append(fault.name)

    def ahead(self) -> bool:
        """Whether the clients have written more than the strokes that fell are good for."""
        return self.journal.writes > self._share(len(self.strokes) + AHEAD)

    def _share(self, strokes: int) -> int:
        return self._writes * strokes // self._planned

    async def _due(self, left: Sequence[Fault]) -> int:
        """Wait for the next share of the writes, and for somebody to strike; the place of the fault that is possible."""
        while True:
            place = next((place for place, fault in enumerate(left) if fault.possible(self.world)), None)
            if place is not None and self.journal.writes > self._share(len(self.strokes)):
                return place
            await asyncio.sleep(LOOK)
