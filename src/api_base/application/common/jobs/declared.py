"""Declarations of contexts: the commands that may run as jobs, and the schedules that enqueue them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, cast

from api_base.application.common.cqrs import Command
from api_base.core.errors import ProgrammingError
from api_base.core.shared.places import Declaration

ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Declaration):
    """A command that may be enqueued. `name` (`<context>.<action>`) is stored in the rows: after a renaming, waiting jobs are unknown.

    An execution may take `timeout` seconds. A job that fails because of an outage is retried until the outage ends; a job that fails for
    another reason has `attempts` attempts; a refused job becomes dead immediately.

    `system`: it completes what a user was allowed to begin, so it belongs to no user: it runs without permissions, also when the user has lost
    them, and the user can neither read nor cancel it.
    """

    name: str
    message: type[Command[object]]
    attempts: int = ATTEMPTS
    timeout: float = 60.0
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Declaration):
    """Enqueues the command that `message` returns at the times of `cron`, in UTC [crontab(5)], once for any number of workers.

    Of the times that passed while no worker ran, the latest fires. The time of the last firing is stored under `name`: after a renaming the
    schedule starts again.
    """

    name: str
    cron: str
    message: Callable[[], Command[object]]


class Jobs:
    """All declared jobs, by name and by command."""

    def __init__(self) -> None:
        self._by_name: dict[str, Job] = {}
        self._by_message: dict[type[Any], Job] = {}

    def add(self, jobs: Iterable[Job]) -> None:
        """Raises `ProgrammingError` for a name or command that is declared already, and for a command with secrets, which a row must not hold."""
        for job in jobs:
            if job.name in self._by_name or job.message in self._by_message:
                raise ProgrammingError(f"The job {job.name!r} or its command {job.message.__name__} is declared twice.")
            if secret := [field.name for field in fields(cast("Any", job.message)) if not field.repr]:
                raise ProgrammingError(
                    f"{job.message.__name__} cannot be a job: its row would hold the secret {', '.join(secret)} as plain text."
                )
            self._by_name[job.name] = self._by_message[job.message] = job

    def of(self, message: object) -> Job:
        """Return the job of a command. Raises `ProgrammingError` for a command that no context declares as a job."""
        try:
            return self._by_message[type(message)]
        except KeyError:
            raise ProgrammingError(f"{type(message).__name__} is not a job: declare it in a context's `jobs`.") from None

    def named(self, name: str) -> Job | None:
        """Return the job with this name; None if no context declares it."""
        return self._by_name.get(name)
