"""Entities are equal by identity; an aggregate root is saved whole, guarded by its version [Evans, ch. 5 and 6]."""

from dataclasses import dataclass, field
from uuid import UUID

from api_base.core.base.event import DomainEvent


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """Has an identity that does not change: equal to another entity of its class with the same `id`."""

    id: UUID

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(slots=True, kw_only=True, eq=False)
class AggregateRoot(Entity):
    """`version` is the stored version: 0 before the first save, incremented by each save."""

    version: int = 0
    _events: list[DomainEvent] = field(default_factory=list, repr=False)

    def record(self, event: DomainEvent) -> None:
        """Record an event. The unit of work collects it when the aggregate is saved."""
        self._events.append(event)

    def collect_events(self) -> list[DomainEvent]:
        """The events recorded since the last call, oldest first."""
        events, self._events = self._events, []
        return events
