"""Events after their commit: kept in the outbox, published by a relay, delivered to durable subscribers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A domain event as the outbox holds it. `payload` is JSON of all its fields; `traceparent` is empty where nobody traced.

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
    """Where the relay hands events on: to subscribers here, or to a broker."""

    async def publish(self, events: Sequence[StoredEvent]) -> None:
        """Hand `events` on, in this order for each aggregate; they are safe there when this returns. May be told one twice.

        Raises `EventRefused` for one that can never be published, `Unavailable` when trying again may help.
        """
        ...

    async def close(self) -> None:
        """Hand on what is on its way, and let go of what is open. An adapter that holds nothing open has nothing to do."""


class DeferredDeliveries(Protocol):
    """Deliveries that did not succeed at once, or wait behind one that did not: tried again with pauses, dead in the end."""

    async def waiting(self, subscription: str, aggregates: Collection[UUID]) -> set[UUID]:
        """Those of `aggregates` of which something waits."""
        ...

    async def add(self, subscription: str, event: StoredEvent) -> None:
        """Raises `Unavailable` when it is not kept."""
        ...
