"""Execute a plan of faults while clients write: one fault after each share of the writes."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chaos.faults import Fault, InjectedFault
from chaos.journal import Journal
from chaos.progress import say
from chaos.world import World

TRIES: Final = 4
"""How often a fault that could not be injected is retried, each time at the end of the plan."""
AHEAD: Final = 2
"""Shares of the writes by which clients may be ahead of the killer."""
LOOK: Final = 0.02


@dataclass(slots=True)
class InjectedFaults:
    """The injected faults. `never` are those that could not be injected."""

    kills: list[InjectedFault] = field(default_factory=list)
    cuts: list[InjectedFault] = field(default_factory=list)
    never: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.kills) + len(self.cuts)

    def by_fault(self) -> Counter[str]:
        return Counter(fault.fault for fault in (*self.kills, *self.cuts))


class Killer:
    """Injects fault n after n shares of `writes` are acknowledged, so that kills are spread over the whole run."""

    def __init__(self, world: World, journal: Journal, chance: random.Random, writes: int) -> None:
        self.world, self.journal = world, journal
        self._chance, self._writes = chance, writes
        self._planned = 1
        self.injected = InjectedFaults()

    async def execute(self, plan: Sequence[Fault]) -> None:
        """Inject the faults in the order of the plan; a fault without a running target is postponed."""
        left = [(fault, TRIES) for fault in plan]
        self._planned = len(plan)
        while left:
            place = await self._due([fault for fault, _ in left])
            fault, tries = left.pop(place)
            injected = await fault.inject(self.world, self._chance)
            if injected is not None:
                (self.injected.kills if fault.kills else self.injected.cuts).append(injected)
            elif tries:
                say(f"        {fault.name}: not possible yet, postponed")
                left.append((fault, tries - 1))
            else:
                self.injected.never.append(fault.name)

    def ahead(self) -> bool:
        """Whether the clients are ahead of the killer."""
        return self.journal.writes > self._share(len(self.injected) + AHEAD)

    def _share(self, injected: int) -> int:
        return self._writes * injected // self._planned

    async def _due(self, left: Sequence[Fault]) -> int:
        """Wait for the next share of the writes and a running target. Returns the index of the next possible fault."""
        while True:
            place = next((place for place, fault in enumerate(left) if fault.possible(self.world)), None)
            if place is not None and self.journal.writes > self._share(len(self.injected)):
                return place
            await asyncio.sleep(LOOK)
