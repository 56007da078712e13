"""What contexts declare: which commands may be jobs, and which are sent by the clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, cast

from api_base.application.common.cqrs import Command
from api_base.core.errors import ProgrammingError

ATTEMPTS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`name` (`<context>.<what it does>`) stands in the rows: renamed, those that wait are not known any more.

    An execution may take `timeout` seconds. What fails because something else is down is tried until that is back; what fails
    otherwise is tried `attempts` times; what is refused is dead at once.
    """

    name: str
    message: type[Command[object]]
    attempts: int = ATTEMPTS
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Enqueues what `message` makes whenever `cron` says so, in UTC [crontab(5)], once however many workers there are.

    Times that nobody was there for are made up for once, by the latest. `name` says when it fired last: renamed, it begins anew.
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
        """Raises `ProgrammingError` for a name or command that is there already, and for a command with secrets: rows are no place for them."""
        for job in jobs:
            if job.name in self._by_name or job.message in self._by_message:
                raise ProgrammingError(f"The job {job.name!r} or its command {job.message.__name__} is declared twice.")
            if secret := [field.name for field in fields(cast("Any", job.message)) if not field.repr]:
                raise ProgrammingError(f"{job.message.__name__} cannot be a job: {', '.join(secret)} would lie in the database in clear.")
            self._by_name[job.name] = self._by_message[job.message] = job

    def of(self, message: object) -> Job:
        """Raises `ProgrammingError` for a command that no context declares as a job."""
        try:
            return self._by_message[type(message)]
        except KeyError:
            raise ProgrammingError(f"{type(message).__name__} is no job: declare it in a context's `jobs`.") from None

    def named(self, name: str) -> Job | None:
        """The job of that name; None where no context declares it."""
        return self._by_name.get(name)
