"""The port for the transport of ready jobs to workers."""

from collections.abc import Iterable
from typing import Protocol

from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.store import SqlJobStore


class JobBackend(Protocol):
    """The port behind `JOBS__URL`. Jobs are always rows; an adapter brings the ready ones to the executors of the workers."""

    def tasks(self, store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterable[PeriodicTask]:
        """Return the tasks of the worker that submit ready jobs of `store` to `executor`, and poll for them every `poll` seconds."""
        ...
