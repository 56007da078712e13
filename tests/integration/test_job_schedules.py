"""Schedules: one job for each due time, however many workers look and whenever they come back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api_base.application.common.jobs import Job, Jobs, Schedule
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.locks.leadership import DatabaseLeadership
from api_base.infrastructure.tasks.schedules import JobSchedules, latest
from tests.job_harness import JobHarness, Note, job_harness

NOON = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
HOURLY = Schedule(name="tests.hourly", cron="0 * * * *", message=lambda: Note(number=1))


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


async def fire(shop: JobHarness, *times: datetime, workers: int = 1) -> list[datetime]:
    """For when jobs are there, after `workers` have looked at each of `times`."""
    jobs = Jobs()
    jobs.add([Job(name="tests.note", message=Note)])
    database = Database(shop.urls.worker, PoolOptions(size=5, acquire_timeout=10, statement_timeout=20))
    await database.open()
    try:
        for at in times:
            looking = [JobSchedules(database.pool, Clock(at), jobs, [HOURLY], DatabaseLeadership()) for _ in range(workers)]
            await asyncio.gather(*(one.run() for one in looking))
    finally:
        await database.close()
    return [row["scheduled_at"] for row in await shop.rows("select scheduled_at from jobs order by scheduled_at")]


async def test_each_due_time_becomes_one_job(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        times = [NOON + timedelta(minutes=minutes) for minutes in (30, 59, 60, 61, 119, 120)]
        assert await fire(shop, *times, workers=4) == [NOON + timedelta(hours=1), NOON + timedelta(hours=2)]
        async with shop.worker():
            rows = await shop.ended(2)
        assert {(row["state"], row["result"], row["request_id"]) for row in rows} == {("succeeded", "1", "schedule tests.hourly")}


async def test_a_schedule_that_is_new_does_not_make_up_for_the_past(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        assert await fire(shop, NOON) == []


async def test_missed_times_are_made_up_for_once_by_the_latest(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        assert await fire(shop, NOON, NOON + timedelta(hours=5, minutes=10)) == [NOON + timedelta(hours=5)]


async def test_a_clock_that_goes_back_fires_nothing_again(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        times = (NOON, NOON + timedelta(hours=1), NOON + timedelta(minutes=59), NOON + timedelta(hours=1))
        assert await fire(shop, *times) == [NOON + timedelta(hours=1)]


@pytest.mark.parametrize("cron", ["every hour", "61 * * * *", "* * *", "0 0 31 2 *"])
def test_what_is_no_crontab_line_is_told_at_start(cron: str) -> None:
    with pytest.raises(ConfigurationError, match=r"The schedule 'x' has an invalid cron expression"):
        latest(Schedule(name="x", cron=cron, message=Note), NOON)
