"""Schedules: each due time becomes one job, for any number of workers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cronsim import CronSim, CronSimError

from api_base.application.common.jobs import Jobs, Schedule
from api_base.core.errors import ConfigurationError
from api_base.core.protocols import Clock, JobState
from api_base.core.types import NO_TENANT, NO_USER
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.locks.leadership import Leadership
from api_base.infrastructure.serialization.json_codec import encode
from api_base.infrastructure.tasks.database_queue import CHANNEL, id_of

LEADER: Final = "fire_schedules"
_FIRE: Final = f"""
with known as (select fired_until from job_schedules where name = $1), moved as (
    insert into job_schedules (name, fired_until) values ($1, $2)
    on conflict (name) do update set fired_until = excluded.fired_until where job_schedules.fired_until < excluded.fired_until returning name
), made as (
    insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)
    select $3, $4, $5, $6, '{JobState.READY}', 0, $2, 0, $7::jsonb, $8, '', now(), 0 from moved where exists (select from known)
    on conflict do nothing returning 1
)
select pg_notify('{CHANNEL}', '') from made
"""
"""One statement advances the time and inserts the job, so only one worker does. A new schedule starts at the present time."""


class JobSchedules:
    """`pool` connects as the role `worker`. Raises `ConfigurationError` for an invalid schedule."""

    def __init__(self, pool: ConnectionPool, clock: Clock, jobs: Jobs, schedules: Sequence[Schedule], leadership: Leadership) -> None:
        self._pool, self._clock, self._jobs, self._schedules, self._leadership = pool, clock, jobs, schedules, leadership
        for schedule in schedules:
            latest(schedule, clock.now())

    async def run(self) -> bool:
        """Fire the schedules that are due."""
        await self._pool.run(self._in_transaction)
        return False

    async def _in_transaction(self, connection: Connection) -> None:
        now = self._clock.now()
        async with connection.transaction():
            if await self._leadership.leads(connection, LEADER):
                for schedule in self._schedules:
                    await self._fire(connection, schedule, latest(schedule, now))

    async def _fire(self, connection: Connection, schedule: Schedule, at: datetime) -> None:
        message = schedule.message()
        job = self._jobs.of(message)
        id = id_of(NO_TENANT, job.name, f"{schedule.name} {at.isoformat()}")
        row = (schedule.name, at, NO_TENANT, id, NO_USER, job.name, encode(message).decode(), f"schedule {schedule.name}")
        await connection.fetch(_FIRE, *row)


def latest(schedule: Schedule, now: datetime) -> datetime:
    """Return the last time of the schedule up to `now`. Raises `ConfigurationError` for an invalid crontab line."""
    try:
        return next(CronSim(schedule.cron, now + timedelta(microseconds=1), reverse=True))  # CronSim begins before the given moment
    except (CronSimError, StopIteration) as error:
        raise ConfigurationError(
            f"The schedule {schedule.name!r} has an invalid cron expression {schedule.cron!r}: {error or 'it never fires'}."
        ) from None
