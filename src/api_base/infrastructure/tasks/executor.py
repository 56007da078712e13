"""The jobs that a worker has in hand: begun, held on to, and finished or given back when it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from api_base.application.common.jobs import Outcome
from api_base.core.protocols import ClaimedJob
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.tasks.store import SqlJobStore

logger = get_logger(__name__)

BATCH_DELAY: Final = 0.002
"""Seconds in which outcomes are written together."""
RENEWAL: Final = 5.0
"""Seconds between renewals: a lease is four of them."""
RETRY: Final = 1.0
"""Seconds before outcomes that could not be written are tried again. After the lease, others have the jobs."""


class JobExecutor:
    """At most `places` jobs at once. When the worker ends, they have `grace` seconds to end too."""

    def __init__(self, store: SqlJobStore, run: Callable[[ClaimedJob], Awaitable[Outcome | None]], places: int, grace: float) -> None:
        self._store, self._run, self._grace = store, run, grace
        self._places, self._room = places, asyncio.Event()
        self._held: dict[asyncio.Task[None], ClaimedJob] = {}
        self._outcomes: list[tuple[ClaimedJob, Outcome, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def room(self) -> int:
        """How many more can be taken. Waits for place for one, but not for long: whoever asks may have been told to end."""
        if len(self._held) >= self._places:
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), 0.5)
        return self._places - len(self._held)

    def take(self, job: ClaimedJob) -> asyncio.Task[None]:
        """Begin a claimed job; the task ends when what became of it is written. It never raises but when it is cancelled."""
        task = asyncio.get_running_loop().create_task(self._carry_out(job))
        self._held[task] = job
        task.add_done_callback(self._let_go)
        return task

    async def renew(self) -> bool:
        """Hold on to all of them; what is no longer ours is broken off."""
        held = dict(self._held)
        if held:
            ours = await self._store.renew(list(held.values()))
            for task, job in held.items():
                if job.id not in ours and not task.done() and self._runs(job):
                    logger.info("job_lost", job=job.name, job_id=str(job.id))
                    task.cancel()
        return False

    async def end(self) -> None:
        """Finish what is in hand within the grace, held on to meanwhile; give back the rest, for other workers to begin at once."""
        until = time.monotonic() + self._grace
        while self._held and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._held, timeout=min(left, RENEWAL))
            await self.renew()
        broken_off = {task: job for task, job in self._held.items() if self._runs(job)}
        for task in broken_off:
            task.cancel()
        if self._held:
            await asyncio.wait(self._held, timeout=RETRY)
        if broken_off:
            await self._store.give_back(list(broken_off.values()))
            logger.info("jobs_given_back", count=len(broken_off))

    def _runs(self, job: ClaimedJob) -> bool:
        """Whether what becomes of it is not known yet."""
        return all(job is not one for one, _, _ in self._outcomes)

    async def _carry_out(self, job: ClaimedJob) -> None:
        outcome = await self._run(job)
        if outcome is not None:
            written = asyncio.get_running_loop().create_future()
            self._outcomes.append((job, outcome, written))
            if self._writing is None:
                self._writing = asyncio.get_running_loop().create_task(self._write())
            await written

    async def _write(self) -> None:
        await asyncio.sleep(BATCH_DELAY)
        while batch := tuple(self._outcomes):  # those that come meanwhile are for the next
            try:
                await self._store.settle([(job, outcome) for job, outcome, _ in batch])
            except Exception as error:
                logger.warning("jobs_not_settled", count=len(batch), reason=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY)
                continue
            self._outcomes = self._outcomes[len(batch) :]
            for _, _, written in batch:
                if not written.done():
                    written.set_result(None)
        self._writing = None

    def _let_go(self, task: asyncio.Task[None]) -> None:
        del self._held[task]
        self._room.set()
