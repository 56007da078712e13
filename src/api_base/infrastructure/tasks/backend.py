"""The ports for the transport of ready jobs to workers. The row in the database is the job; a message only names it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.serialization.json_codec import decode_as, encode
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.store import SqlJobStore


@dataclass(frozen=True, slots=True)
class JobRef:
    """The key of a job's row. `traceparent` is the span that enqueued the job, or empty; it is a header of the message."""

    tenant: UUID
    id: UUID
    traceparent: str = field(default="", compare=False)

    def encoded(self) -> bytes:
        return encode({"tenant": self.tenant, "id": self.id})

    @classmethod
    def decoded(cls, body: bytes) -> "JobRef":
        """Decode a reference. Raises `ValueError` for bytes that are not a reference."""
        ref: JobRef = decode_as(body, cls)
        return ref


class JobTransport(Protocol):
    """A broker between the dispatcher and the workers."""

    async def publish(self, jobs: Sequence[JobRef]) -> list[JobRef]:
        """Publish `jobs`. Returns those that the broker has not confirmed. Raises `Unavailable` if it has confirmed none."""

    async def depth(self) -> int:
        """Return how many messages wait for workers. Raises `Unavailable`."""


class JobBackend(Protocol):
    """The port behind `JOBS__URL`. Jobs are always rows; an adapter brings the ready ones to the executors of the workers."""

    def tasks(self, store: SqlJobStore, executor: JobExecutor, poll: float) -> Iterable[PeriodicTask]:
        """Return the tasks of the worker that submit ready jobs of `store` to `executor`, and poll for them every `poll` seconds."""
