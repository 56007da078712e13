"""Base classes of the domain: value object, domain event, entity, aggregate root."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from uuid import UUID


class ValueObject:
    """Equal by value and valid by construction [Evans, Domain-Driven Design, ch. 5].

    Marks a frozen, slotted dataclass whose `__post_init__` raises `core.errors.Invalid` for invalid values."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """A fact about an aggregate, named in the past tense.

    Subclasses set `name`, `<context>.<fact>.v<N>` (`users.registered.v1`); subscribers refer to the event by it.

    The fields of a subclass are plain values (text, numbers, UUID, datetime), so that every subscriber can declare a payload class of
    its own with some of them.

    A newer version of an event names the class of the one before it as `older`, and converts both ways: its `upcast` makes it of an older
    event that was stored before, its `downcast` makes the older one for those who still subscribe to that.
    """

    name: ClassVar[str]
    older: ClassVar["type[DomainEvent] | None"] = None
    aggregate_id: UUID

    @classmethod
    def upcast(cls, older: Any) -> Self:
        """Return the event that `older`, of the class `older`, is in this version. Raises `NotImplementedError` in a class without one."""
        raise NotImplementedError

    def downcast(self) -> "DomainEvent | None":
        """Return the event that this one is in the version `older`; None if there is none. Raises `NotImplementedError` in a class without one."""
        raise NotImplementedError

    def versions(self) -> Iterator["DomainEvent"]:
        """Yield the event, then itself in its older versions."""
        version: DomainEvent | None = self
        while version is not None:
            yield version
            version = None if version.older is None else version.downcast()


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """Has an identity that does not change: equal to another entity of its class with the same `id` [Evans, ch. 5]."""

    id: UUID

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(slots=True, kw_only=True, eq=False)
class AggregateRoot(Entity):
    """An aggregate is saved whole, guarded by its version [Evans, ch. 6].

    `version` is the stored version: 0 before the first save, incremented by each save."""

    version: int = 0
    _events: list[DomainEvent] = field(default_factory=list, repr=False)

    def record(self, event: DomainEvent) -> None:
        """Record an event. The unit of work collects it when the aggregate is saved."""
        self._events.append(event)

    def collect_events(self) -> list[DomainEvent]:
        """The events recorded since the last call, oldest first."""
        events, self._events = self._events, []
        return events
