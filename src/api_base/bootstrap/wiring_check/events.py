"""Events and subscriptions: an event has one class, and a subscriber reads fields that it has."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass

import msgspec

from api_base.application.common.events import versions_of
from api_base.bootstrap.context import Context
from api_base.bootstrap.declarations import Declarations
from api_base.core.base import DomainEvent
from api_base.core.errors import Fault
from api_base.core.shared import signatures
from api_base.core.shared.places import place_of
from api_base.domain.common.events import AnySubscription, DurableSubscription, Subscription


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield the faults of declared events, then those of subscriptions."""
    events: dict[str, type[DomainEvent]] = {}
    for parts in declarations.parts:
        for event in parts.context.events:
            yield from _event(event, parts.context, events)
    positions: dict[str, str] = {}
    for subscription in declarations.subscriptions:
        yield from _subscription(subscription, events, declarations)
        if isinstance(subscription, DurableSubscription):
            first = positions.setdefault(subscription.name, subscription.declared_at)
            if first != subscription.declared_at:
                yield Fault(
                    subscription.declared_at,
                    f"Two durable subscriptions have the name {subscription.name!r}, the first at {first}: they would share one position. Rename one.",
                )


def named_events(context: Context) -> list[type[DomainEvent]]:
    """Return the events of a context that are classes with a name, each with its older versions."""
    declared = [one for one in context.events if isinstance(one, type) and issubclass(one, DomainEvent)]
    return [one for event in declared for one in versions_of(event) if hasattr(one, "name")]


def _event(event: object, context: Context, events: dict[str, type[DomainEvent]]) -> Iterator[Fault]:
    if not isinstance(event, type) or not issubclass(event, DomainEvent):
        yield Fault(
            context.declared_at, f"events of the context {context.name!r} has {event!r}, which is not a class derived from DomainEvent."
        )
        return
    name = getattr(event, "name", None)
    if not isinstance(name, str):
        yield Fault(place_of(event), f'{event.__name__} has no name. Write name = "{context.name}.<fact>.v1".')
        return
    if name in events:
        yield Fault(
            place_of(event), f"Two events have the name {name!r}, the first at {place_of(events[name])}. Rename one, or raise its version."
        )
        return
    events[name] = event
    if event.older is not None:
        yield from _older(event, event.older)
        yield from _event(event.older, context, events)


def _older(event: type[DomainEvent], older: type[DomainEvent]) -> Iterator[Fault]:
    """Yield what is wrong with an event as the next version of another one."""
    place, (family, number), (fact, before) = place_of(event), _version(event.name), _version(getattr(older, "name", ""))
    if family != fact or number <= before:
        yield Fault(
            place,
            f"{event.__name__}.older is {older.__name__}, whose name is not that of an older version of {event.name}. Name it {family}.v{number - 1}.",
        )
    for method in ("upcast", "downcast"):
        if method not in vars(event):
            yield Fault(place, f"{event.__name__} has an older version and no {method}. Write it: it makes one of the other.")


def _version(name: str) -> tuple[str, int]:
    family, _, number = name.rpartition(".v")
    return (family, int(number)) if number.isdecimal() else (name, 0)


def _subscription(subscription: AnySubscription, events: dict[str, type[DomainEvent]], declarations: Declarations) -> Iterator[Fault]:
    place, event = subscription.declared_at, events.get(subscription.event)
    if not signatures.is_awaited(subscription.handle):
        yield Fault(place, f"The subscriber of {subscription.event} is not a coroutine function. Write async def.")
    if event is None:
        left_out = declarations.left_out_with(lambda context: any(one.name == subscription.event for one in context.events))
        advice = left_out or "Correct the name, or add the class of the event to `events` of its Context."
        yield Fault(place, f"No context publishes the event {subscription.event!r}. {advice}")
        return
    payload: object = subscription.payload
    struct = isinstance(subscription, DurableSubscription) and isinstance(payload, type) and issubclass(payload, msgspec.Struct)
    if not struct and not (isinstance(payload, type) and is_dataclass(payload)):
        yield Fault(place, f"The payload {getattr(payload, '__name__', payload)} is not a dataclass. Write @dataclass above it.")
        return
    published = {one.name for one in fields(event)}
    for name in _required(subscription.payload, all_fields=isinstance(subscription, Subscription)):
        if name not in published:
            yield Fault(
                place_of(subscription.payload),
                f"{subscription.payload.__name__} has the field {name!r}, which the event {subscription.event} lacks. It has {', '.join(sorted(published))}.",
            )


def _required(payload: type, *, all_fields: bool) -> list[str]:
    if not is_dataclass(payload):
        return [one.encode_name for one in msgspec.structs.fields(payload) if one.required]
    return [one.name for one in fields(payload) if all_fields or (one.default is MISSING and one.default_factory is MISSING)]
