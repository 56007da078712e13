"""What a unit of work is part of: a request with a key, the delivery of an event, or a job."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.types.idempotency import KeyedExecution
from api_base.core.types.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`subscription` handles the event `event_id`."""

    subscription: str
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """One attempt of a worker at a job. `attempt` counts from 1; with `id` it identifies the attempt.

    `tenant_id` is None for a job of no tenant. `command` is the message that executes the job.
    """

    id: UUID
    tenant_id: TenantId | None
    attempt: int
    command: object


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer of a job's command whose unit of work has written the outcome of the job already."""


type Origin = KeyedExecution | Delivery | RunningJob
"""A unit of work without an origin is an ordinary request."""
