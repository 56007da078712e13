"""Events after their commit: stored in the outbox, published by the relay, delivered to durable subscribers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A domain event as the outbox holds it. `payload` is JSON of all its fields; `traceparent` is what `RequestContext.propagated` was,
    empty for a request without a trace.

    `sequence` grows in the order in which events were written: the events of one aggregate are in the order of its versions.
    """

    sequence: int
    id: UUID
    at: datetime
    name: str
    tenant_id: UUID | None
    aggregate_id: UUID
    aggregate_version: int
    actor_id: UUID | None
    request_id: str
    traceparent: str
    payload: bytes


class EventPublisher(Protocol):
    """Publishes the events of the relay: to the subscribers of this application, or to a broker."""

    async def publish(self, events: Sequence[StoredEvent]) -> None:
        """Publish `events`, in this order for each aggregate; they are stored durably when this returns. The relay may pass one twice.

        Raises `EventRefused` for an event that can never be published, `Unavailable` when a retry may succeed.
        """

    async def close(self) -> None:
        """Flush what was sent and close the connection. An adapter without a connection has nothing to do."""


class DeferredDeliveries(Protocol):
    """Deliveries that failed, and those that wait behind a failed delivery. They are retried with a backoff, and finally dead."""

    async def waiting(self, subscription: str, aggregates: Collection[UUID]) -> set[UUID]:
        """Return those of `aggregates` that have deferred deliveries."""

    async def add(self, subscription: str, event: StoredEvent) -> None:
        """Store a delivery to be retried. Raises `Unavailable` when it is not stored."""
