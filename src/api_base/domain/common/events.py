"""Subscriptions to domain events.

A subscriber names an event (`users.registered.v1`) and a payload class of its own, so that contexts do not import each other.
A `Subscription` runs in the transaction of the change. A `DurableSubscription` runs in a worker after the commit, at least once, in the
order of each aggregate's versions; what it writes through its unit of work takes effect exactly once.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from api_base.core.base import DomainEvent
from api_base.core.errors import ProgrammingError
from api_base.core.protocols import Isolation
from api_base.core.shared.places import caller

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Subscription:
    """Calls `handle` in the transaction of the change, with a `payload` built from the event's fields of the same names."""

    __slots__ = ("declared_at", "event", "handle", "payload")

    def __init__[P: "DataclassInstance"](self, event: str, payload: type[P], handle: Callable[[P], Awaitable[None]]) -> None:
        """A `handle` that does not take the `payload` does not type-check."""
        self.declared_at: Final = caller(__name__)
        self.event: Final = event
        self.payload: Final[type[DataclassInstance]] = payload
        self.handle: Final[Callable[[Any], Awaitable[None]]] = handle

    async def deliver(self, event: DomainEvent) -> None:
        """Call the handler. Raises `ProgrammingError` if the payload class has a field that the event lacks, and what the handler raises."""
        try:
            values = {f.name: getattr(event, f.name) for f in fields(self.payload)}
        except AttributeError as error:
            raise ProgrammingError(f"{self.payload.__name__} has the field {error.name!r}, which the event {event.name} lacks.") from None
        await self.handle(self.payload(**values))


class DurableSubscription:
    """A subscriber after the commit, with effects exactly once. `name` (`<context>.<what it does>`) identifies the subscriber's position: a renamed subscription starts again.

    `payload` is decoded from the event's JSON; fields that it does not declare are ignored. `isolation` is that of its unit of work.
    """

    __slots__ = ("declared_at", "event", "handle", "isolation", "name", "payload")

    def __init__[P](
        self,
        *,
        name: str,
        event: str,
        payload: type[P],
        handle: Callable[[P], Awaitable[None]],
        isolation: Isolation = Isolation.OPTIMISTIC,
    ) -> None:
        """A `handle` that does not take the `payload` does not type-check."""
        self.declared_at: Final = caller(__name__)
        self.name: Final = name
        self.event: Final = event
        self.payload: Final[type[object]] = payload
        self.handle: Final[Callable[[Any], Awaitable[None]]] = handle
        self.isolation: Final = isolation


type AnySubscription = Subscription | DurableSubscription


class Subscribers:
    """All subscriptions. They are delivered in the order of their declaration."""

    def __init__(self) -> None:
        self.in_transaction: dict[str, list[Subscription]] = defaultdict(list)
        """The subscriptions that run in the transaction, by the name of their event."""
        self._durable: dict[str, DurableSubscription] = {}

    def add(self, subscriptions: Iterable[AnySubscription]) -> None:
        """Add subscriptions. Raises `ProgrammingError` for two durable ones with the same name: they would share one position."""
        for subscription in subscriptions:
            if isinstance(subscription, Subscription):
                self.in_transaction[subscription.event].append(subscription)
            elif self._durable.setdefault(subscription.name, subscription) is not subscription:
                raise ProgrammingError(f"Two durable subscriptions have the name {subscription.name!r}. Rename one of them.")

    @property
    def durable(self) -> list[DurableSubscription]:
        """Subscriptions that run in a worker."""
        return list(self._durable.values())
