"""What a worker logs about a task whose database or broker is away."""

import asyncio

from structlog.testing import capture_logs

from api_base.core.errors import Unavailable
from api_base.core.protocols import PeriodicTask
from api_base.serving.worker import LOG_INTERVAL, LoggedRuns
from tests.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_outage_is_logged_when_it_begins_once_per_interval_and_when_it_ends() -> None:
    away = True

    async def run() -> bool:
        if away:
            raise Unavailable("The broker does not answer.")
        return True

    runs = LoggedRuns(PeriodicTask(name="publish", interval=1.0, run=run))
    with capture_logs() as logs:
        for _ in range(int(LOG_INTERVAL) + 2):
            assert not await runs.run_once()
            await asyncio.sleep(1)
        away = False
        assert await runs.run_once()
        assert await runs.run_once()
        away = True
        assert not await runs.run_once()
    events = [(line["event"], line.get("waited")) for line in logs]
    waits = ("periodic_work_waits", None)
    assert events == [waits, waits, ("periodic_work_resumed", LOG_INTERVAL + 2), waits]


@in_virtual_time
async def test_a_fault_of_the_task_is_logged_each_time_and_is_no_outage() -> None:
    async def run() -> bool:
        raise ValueError("wrong")

    runs = LoggedRuns(PeriodicTask(name="publish", interval=1.0, run=run))
    with capture_logs() as logs:
        assert not await runs.run_once()
        assert not await runs.run_once()
    assert [line["event"] for line in logs] == ["periodic_work_failed"] * 2


@in_virtual_time
async def test_a_run_that_does_not_end_is_cancelled_reported_and_begun_again() -> None:
    runs, ended = 0, []

    async def run() -> bool:
        nonlocal runs
        runs += 1
        try:
            await asyncio.sleep(10**9)
        finally:
            ended.append(asyncio.get_running_loop().time())
        return False

    logged = LoggedRuns(PeriodicTask(name="publish", interval=1.0, run=run, timeout=20.0))
    with capture_logs() as logs:
        assert await logged.run_once()
        assert await logged.run_once()
    assert (runs, ended) == (2, [20.0, 40.0])
    assert [(line["event"], line["work"]) for line in logs] == [("periodic_work_restarted", "publish")] * 2
