"""Events after their commit: kept in the outbox, published by a relay, delivered to durable subscribers."""

from collections.abc import Sequence
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
