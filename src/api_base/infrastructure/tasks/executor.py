"""Runs the claimed jobs of a worker, renews their leases, and writes their outcomes in batches."""

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
"""Seconds in which outcomes are collected for one statement."""
CAPACITY_TIMEOUT: Final = 0.5
"""Seconds that `capacity` waits, so that its caller notices when the worker stops."""
RENEWAL_INTERVAL: Final = 5.0
"""Seconds between renewals: a quarter of a lease."""
RETRY_DELAY: Final = 1.0
"""Seconds before failed writes of outcomes are retried. After the lease has expired, the jobs belong to other workers."""


class JobExecutor:
    """Runs at most `max_concurrency` jobs at the same time. When the worker ends, they have `grace` seconds to finish.

    `renewal_interval` and `retry_delay` are in seconds.
    """

    def __init__(
        self,
        store: SqlJobStore,
        run: Callable[[ClaimedJob], Awaitable[Outcome | None]],
        max_concurrency: int,
        grace: float,
        *,
        renewal_interval: float = RENEWAL_INTERVAL,
        retry_delay: float = RETRY_DELAY,
    ) -> None:
        self._store, self._run, self._grace = store, run, grace
        self._renewal_interval, self._retry_delay = renewal_interval, retry_delay
        self._max_concurrency, self._freed = max_concurrency, asyncio.Event()
        self._tasks: dict[asyncio.Task[None], ClaimedJob] = {}
        self._outcomes: list[tuple[ClaimedJob, Outcome, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def capacity(self) -> int:
        """Return how many more jobs may be submitted. Without capacity, wait for some, at most `CAPACITY_TIMEOUT` seconds, and return 0.

        So the caller checks whether the worker stops before it claims a job after a wait.
        """
        if len(self._tasks) < self._max_concurrency:
            return self._max_concurrency - len(self._tasks)
        self._freed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._freed.wait(), CAPACITY_TIMEOUT)
        return 0

    def submit(self, job: ClaimedJob) -> asyncio.Task[None]:
        """Begin a claimed job. The task ends when the outcome is written. It raises only `CancelledError`."""
        task = asyncio.get_running_loop().create_task(self._execute(job))
        self._tasks[task] = job
        task.add_done_callback(self._forget)
        return task

    async def renew(self) -> bool:
        """Renew the leases of all running jobs; cancel those that now belong to another worker."""
        tasks = dict(self._tasks)
        if tasks:
            ours = await self._store.renew(list(tasks.values()))
            for task, job in tasks.items():
                if job.id not in ours and not task.done() and self._is_running(job):
                    logger.info("job_lost", job=job.name, job_id=str(job.id))
                    task.cancel()
        return False

    async def end(self) -> None:
        """Finish the running jobs within the grace period, and release the others, so that other workers run them immediately."""
        until = time.monotonic() + self._grace
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=min(left, self._renewal_interval))
            await self.renew()
        cancelled = {task: job for task, job in self._tasks.items() if self._is_running(job)}
        for task in cancelled:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._retry_delay)
        if cancelled:
            await self._store.release(list(cancelled.values()))
            logger.info("jobs_released", count=len(cancelled))

    def _is_running(self, job: ClaimedJob) -> bool:
        """Return whether the job has no outcome yet."""
        return all(job is not one for one, _, _ in self._outcomes)

    async def _execute(self, job: ClaimedJob) -> None:
        outcome = await self._run(job)
        if outcome is not None:
            written = asyncio.get_running_loop().create_future()
            self._outcomes.append((job, outcome, written))
            if self._writing is None:
                self._writing = asyncio.get_running_loop().create_task(self._write())
            await written

    async def _write(self) -> None:
        await asyncio.sleep(BATCH_DELAY)
        while batch := tuple(self._outcomes):  # outcomes that arrive meanwhile are in the next batch
            try:
                await self._store.settle([(job, outcome) for job, outcome, _ in batch])
            except Exception as error:
                logger.warning("jobs_not_settled", count=len(batch), reason=str(error) or type(error).__name__)
                await asyncio.sleep(self._retry_delay)
                continue
            self._outcomes = self._outcomes[len(batch) :]
            for _, _, written in batch:
                if not written.done():
                    written.set_result(None)
        self._writing = None

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._freed.set()
