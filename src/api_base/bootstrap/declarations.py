"""What the contexts of an application declare, made from the ports of a process.

A declaration that cannot be made becomes a fault, so that the other ones are checked as well.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from fastapi import APIRouter

from api_base.application.common.cqrs import Bus, Message, Registration
from api_base.bootstrap.context import Context, Ports
from api_base.core.errors import ApiBaseError, Fault, WiringError
from api_base.core.protocols import Resource
from api_base.core.shared.places import raised_at
from api_base.domain.common.events import AnySubscription, DurableSubscription, Subscription
from api_base.interface.router import V1

_SUBSCRIPTIONS: Final[tuple[type[AnySubscription], ...]] = (Subscription, DurableSubscription)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextParts:
    """What one context declares. `routes` are mounted under `/api/v1`, `protocol_routes` at their own paths.

    `complete`: all its handlers could be made.
    """

    context: Context
    complete: bool
    registrations: Sequence[Registration]
    subscriptions: Sequence[AnySubscription]
    routes: APIRouter | None
    protocol_routes: APIRouter | None
    resources: Sequence[Resource]


@dataclass(frozen=True, slots=True)
class Declarations:
    """The parts of all contexts, and what could not be made. `faults` grow by what is found later."""

    parts: list[ContextParts] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    missing: set[object] = field(default_factory=set)
    """Messages whose missing handler is one of the faults."""

    def is_handled(self, message: object) -> bool:
        """Return whether a handler of the message is registered, or whether a fault says already why none is."""
        known = all(one.complete for one in self.parts)
        return not known or message in self.missing or any(message is one.message for _, one in self.registrations)

    @property
    def routers(self) -> list[tuple[str, APIRouter]]:
        """Return the routers of the REST API with their prefix, in the order of the contexts."""
        return [(V1, one.routes) for one in self.parts if one.routes is not None]

    @property
    def protocol_routers(self) -> list[tuple[str, APIRouter]]:
        """Return the routers of other specifications with their prefix."""
        return [("", one.protocol_routes) for one in self.parts if one.protocol_routes is not None]

    @property
    def registrations(self) -> Iterator[tuple[Context, Registration]]:
        """Yield every handler with its context."""
        return ((one.context, registration) for one in self.parts for registration in one.registrations)

    @property
    def sound_registrations(self) -> Iterator[Registration]:
        """Yield the handlers that a bus can call: the first of each message."""
        seen = set[object]()
        for _, one in self.registrations:
            message: object = one.message
            named = isinstance(message, type) and issubclass(message, Message) and isinstance(getattr(message, "permission", None), str)
            if named and message not in seen and callable(getattr(one.handler, "handle", None)):
                seen.add(message)
                yield one

    @property
    def resources(self) -> Sequence[Resource]:
        """Return what the contexts open, in the order of their declaration."""
        return [resource for one in self.parts for resource in one.resources]

    @property
    def subscriptions(self) -> Iterator[AnySubscription]:
        """Yield every subscription."""
        return (subscription for one in self.parts for subscription in one.subscriptions)

    def attempt(self, place: str, call: Callable[[], object]) -> None:
        """Call, and note what it refuses."""
        try:
            call()
        except WiringError as error:
            self.faults.extend(error.faults)
        except Exception as error:
            detail = str(error) if isinstance(error, ApiBaseError) else f"{type(error).__name__}: {str(error).rstrip('.')}."
            if all(fault.sentence != detail for fault in self.faults):
                self.faults.append(Fault(place, detail))


def declare(contexts: Sequence[Context], ports: Ports, bus: Bus) -> Declarations:
    """Call what `contexts` bring: their handlers, subscribers, routes and resources. The search indexes of all come first: subscribers feed them."""
    declared = Declarations()
    for context in contexts:
        declared.attempt(context.declared_at, partial(ports.search_indexes.add, context.search_indexes, ports))
    declared.parts.extend(_parts(context, ports, bus, declared.faults) for context in contexts)
    return declared


def _parts(context: Context, ports: Ports, bus: Bus, faults: list[Fault]) -> ContextParts:
    make, before = _Maker(context, faults), len(faults)
    registrations = make.listed("handlers", partial(context.handlers, ports), Registration, "on(Message, handler)")
    for importable in context.importable:
        registrations += make.listed("importable", partial(importable.handlers, ports), Registration, "a FileImport")
    return ContextParts(
        context=context,
        complete=len(faults) == before,
        registrations=registrations,
        subscriptions=[
            *make.listed("subscribers", partial(context.subscribers, ports), _SUBSCRIPTIONS, "a Subscription or a DurableSubscription"),
        ],
        routes=make.router("routes", context.routes, bus),
        protocol_routes=make.router("protocol_routes", context.protocol_routes, bus),
        resources=make.listed("resources", partial(context.resources, ports), Resource, "an object with open and close"),
    )


class _Maker:
    """Makes the parts of one context, and notes what cannot be made."""

    def __init__(self, context: Context, faults: list[Fault]) -> None:
        self._context, self._faults = context, faults

    def listed[T](self, what: str, make: Callable[[], object], kind: type[T] | tuple[type[T], ...], write: str) -> list[T]:
        """Return those elements of what `make` returns that are of this `kind`. `write` says what an author writes."""
        made = self._called(what, make)
        if made is None:
            return []
        if not isinstance(made, Sequence) or isinstance(made, str):
            self._refuse(what, made, f"return a list, each element {write}")
            return []
        found = list[T]()
        for one in made:
            if isinstance(one, kind):
                found.append(one)
            else:
                self._refuse(what, one, f"write {write}")
        return found

    def router(self, what: str, make: Callable[[Bus], object] | None, bus: Bus) -> APIRouter | None:
        """Return the router that `make` returns, if it returns one."""
        if make is None:
            return None
        made = self._called(what, partial(make, bus))
        if made is not None and not isinstance(made, APIRouter):
            self._refuse(what, made, "return a Router")
        return made if isinstance(made, APIRouter) else None

    def _called(self, what: str, make: Callable[[], object]) -> object:
        try:
            made = make()
        except WiringError as error:
            self._faults.extend(error.faults)
            return None
        except Exception as error:
            detail = str(error) if isinstance(error, ApiBaseError) else f"{type(error).__name__}: {error}"
            sentence = f"{what} of the context {self._context.name!r} cannot be made. {detail.rstrip('.')}."
            self._faults.append(Fault(raised_at(error, self._context.declared_in), sentence))
            return None
        if made is None:
            self._refuse(what, None, "return what the context declares")
        return made

    def _refuse(self, what: str, found: object, write: str) -> None:
        shown = "None" if found is None else f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
        self._faults.append(Fault(self._context.declared_at, f"{what} of the context {self._context.name!r} has {shown}: {write}."))
