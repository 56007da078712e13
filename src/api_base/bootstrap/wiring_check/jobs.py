"""Jobs and schedules: a job's command has a handler, a schedule enqueues a job, at times that come."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from api_base.application.common.cqrs import Command
from api_base.application.common.jobs import Job, Schedule
from api_base.bootstrap.declarations import Declarations
from api_base.core.errors import Fault


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield the faults of jobs, then those of schedules."""
    contexts = [one.context for one in declarations.parts]
    jobs: dict[object, Job] = {}
    names: dict[str, str] = {}
    for job in [job for context in contexts for job in (*context.jobs, *(one.job for one in context.importable))]:
        if job.name in names:
            yield Fault(job.declared_at, f"Two jobs have the name {job.name!r}, the first at {names[job.name]}. Rename one of them.")
        names.setdefault(job.name, job.declared_at)
        yield from _job(job, declarations.is_handled, jobs)
        jobs.setdefault(job.message, job)
    schedules: dict[str, str] = {}
    for schedule in [schedule for context in contexts for schedule in context.schedules]:
        if schedule.name in schedules:
            yield Fault(
                schedule.declared_at,
                f"Two schedules have the name {schedule.name!r}, the first at {schedules[schedule.name]}. Rename one of them.",
            )
        schedules.setdefault(schedule.name, schedule.declared_at)
        yield from _schedule(schedule, jobs)


def _job(job: Job, handled: Callable[[object], bool], jobs: dict[object, Job]) -> Iterator[Fault]:
    message: object = job.message
    if not isinstance(message, type) or not issubclass(message, Command):
        shown = getattr(message, "__name__", repr(message))
        yield Fault(job.declared_at, f"The job {job.name!r} names {shown}, which is not a Command. Only commands run as jobs.")
        return
    if message in jobs:
        yield Fault(
            job.declared_at, f"{message.__name__} is the command of two jobs, the first at {jobs[message].declared_at}. Remove one of them."
        )
    if not handled(message):
        yield Fault(job.declared_at, f"The job {job.name!r} cannot run: {message.__name__} has no handler. Add on({message.__name__}, …).")
    if job.attempts < 1 or job.timeout <= 0:
        yield Fault(job.declared_at, f"The job {job.name!r} needs at least 1 attempt and a timeout above 0 seconds.")
    if secret := [one.name for one in getattr(message, "__dataclass_fields__", {}).values() if not one.repr]:
        yield Fault(
            job.declared_at,
            f"{message.__name__} cannot be a job: its row would hold the secret {', '.join(secret)} as plain text. Pass an id instead.",
        )


def _schedule(schedule: Schedule, jobs: dict[object, Job]) -> Iterator[Fault]:
    try:
        next(CronSim(schedule.cron, datetime.now(UTC)))
    except (CronSimError, StopIteration) as error:
        yield Fault(
            schedule.declared_at,
            f"The schedule {schedule.name!r} has the cron expression {schedule.cron!r}, which crontab(5) does not know or which never comes ({error or 'no time'}).",
        )
    try:
        message = schedule.message()
    except Exception as error:
        yield Fault(
            schedule.declared_at,
            f"The schedule {schedule.name!r} cannot make its command. {type(error).__name__}: {str(error).rstrip('.')}.",
        )
        return
    if type(message) not in jobs:
        name = type(message).__name__
        yield Fault(
            schedule.declared_at,
            f"The schedule {schedule.name!r} enqueues {name}, which is not a job. Add Job(name=…, message={name}) to `jobs`.",
        )
