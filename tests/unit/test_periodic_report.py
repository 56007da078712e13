"""Reports of what a process has counted: every few seconds, and the rest at its end."""

import asyncio

from api_base.infrastructure.db.reporting import PeriodicReport


class Counted(PeriodicReport):
    def __init__(self, interval: float) -> None:
        super().__init__("report what is counted", interval)
        self.reports, self.done = 0, asyncio.Event()

    async def report(self) -> None:
        self.reports += 1
        if self.reports == 3:
            self.done.set()


async def test_it_reports_again_and_again_and_once_at_the_end() -> None:
    counted = Counted(0.001)
    await counted.open()
    async with asyncio.timeout(5):
        await counted.done.wait()
    before = counted.reports
    await counted.close()
    after = counted.reports
    assert after > before
    await asyncio.sleep(0.01)
    assert counted.reports == after


async def test_a_process_that_ends_early_reports_the_rest() -> None:
    counted = Counted(3600)
    await counted.open()
    await counted.close()
    assert counted.reports == 1


async def test_what_was_never_opened_has_nothing_to_report() -> None:
    counted = Counted(3600)
    await counted.close()
    assert counted.reports == 0
