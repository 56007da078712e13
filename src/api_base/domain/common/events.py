"""Domain events and their observers.

A subscriber names the event it wants (`users.registered.v1`) and a payload class of its own, so that contexts need not
import each other. A `Subscription` runs before the commit and shares its fate. A `DurableSubscription` runs in a worker after
it, at least once, in the order of each aggregate's versions; what it writes through its unit of work happens exactly once.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from api_base.core.base import DomainEvent
from api_base.core.errors import ProgrammingError
from api_base.core.protocols import Isolation

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Subscription[P: "DataclassInstance"]:
    """`handle` is called with a `payload` made of the event's fields of the same names, in the transaction of the change."""

    event: str
    payload: type[P]
    handle: Callable[[P], Awaitable[None]]

    async def deliver(self, event: DomainEvent) -> None:
        """Raises `ProgrammingError` for a payload that wants what the event does not have, and whatever the handler raises."""
        try:
            values = {f.name: getattr(event, f.name) for f in fields(self.payload)}
        except AttributeError as error:
            raise ProgrammingError(f"{self.payload.__name__} wants a field that {event.name} does not have: {error.name}") from None
        await self.handle(self.payload(**values))


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableSubscription[P]:
    """`name` (`<context>.<what it does>`) says how far this subscriber is: renamed, it begins anew.

    `payload` is made of the event's JSON; fields that it does not name are passed over. `isolation` is that of its unit of work.
    """

    name: str
    event: str
    payload: type[P]
    handle: Callable[[P], Awaitable[None]]
    isolation: Isolation = Isolation.OPTIMISTIC


type AnySubscription = Subscription[Any] | DurableSubscription[Any]


class Subscribers:
    """All subscriptions; order of declaration is order of delivery."""

    def __init__(self) -> None:
        self._in_transaction: dict[str, list[Subscription[Any]]] = defaultdict(list)
        self._durable: dict[str, DurableSubscription[Any]] = {}

    def add(self, subscriptions: Iterable[AnySubscription]) -> None:
        """Raises `ProgrammingError` for two durable ones of the same name: they would share one position."""
        for subscription in subscriptions:
            if isinstance(subscription, Subscription):
                self._in_transaction[subscription.event].append(subscription)
            elif self._durable.setdefault(subscription.name, subscription) is not subscription:
                raise ProgrammingError(f"Two durable subscriptions are named {subscription.name!r}.")

    def of(self, event: str) -> list[Subscription[Any]]:
        """Those that run in the transaction."""
        return self._in_transaction.get(event, [])

    @property
    def durable(self) -> list[DurableSubscription[Any]]:
        """Those that run in a worker."""
        return list(self._durable.values())
