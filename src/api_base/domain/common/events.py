"""Domain events and their observers.

A subscriber names the event it wants (`users.registered.v1`) and a payload class of its own, so that contexts need not
import each other. IN_TRANSACTION subscribers run before the commit and share its fate; AFTER_COMMIT subscribers run in the
same process once it has succeeded, and their failure is logged, never the caller's.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from api_base.core.base import DomainEvent
from api_base.core.errors import ProgrammingError


class Phase(Enum):
    """When a subscriber runs: see the module."""

    IN_TRANSACTION = "in_transaction"
    AFTER_COMMIT = "after_commit"


@dataclass(frozen=True, slots=True)
class Subscription[P]:
    """`handle` is called with a `payload` made of the event's fields of the same names."""

    event: str
    payload: type[P]
    handle: Callable[[P], Awaitable[None]]
    phase: Phase = Phase.IN_TRANSACTION

    async def deliver(self, event: DomainEvent) -> None:
        """Hand `event` over. Raises `ProgrammingError` for a payload that wants what it does not have, else what the subscriber raises."""
        try:
            values = {f.name: getattr(event, f.name) for f in fields(self.payload)}  # type: ignore[arg-type]
        except AttributeError as error:
            raise ProgrammingError(f"{self.payload.__name__} wants a field that {event.name} does not have: {error.name}") from None
        await self.handle(self.payload(**values))


class Subscribers:
    """All subscriptions, by event name; order of declaration is order of delivery."""

    def __init__(self) -> None:
        self._by_event: dict[tuple[str, Phase], list[Subscription[Any]]] = defaultdict(list)

    def add(self, subscriptions: Iterable[Subscription[Any]]) -> None:
        """Add subscriptions behind those that are there."""
        for subscription in subscriptions:
            self._by_event[subscription.event, subscription.phase].append(subscription)

    def of(self, event: str, phase: Phase) -> list[Subscription[Any]]:
        """The subscriptions to the event of this name, in order of delivery."""
        return self._by_event.get((event, phase), [])
