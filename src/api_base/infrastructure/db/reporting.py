"""Reports of what a process has counted, every few seconds and at its end."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress

from api_base.core.protocols import Resource


class PeriodicReport(Resource, ABC):
    """Calls `report` every `interval` seconds and at the end. `name` is that of its task."""

    def __init__(self, name: str, interval: float) -> None:
        self._name, self._interval = name, interval
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @abstractmethod
    async def report(self) -> None:
        """Report what was counted since the last report. Never raises."""

    async def open(self) -> None:
        """Start to report."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Report the rest, after a report that is running."""
        if self._task is not None:
            self._closing.set()
            await self._task
            await self.report()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._interval)
            if self._closing.is_set():
                return
            await self.report()
