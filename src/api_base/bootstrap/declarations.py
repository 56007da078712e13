"""What the contexts of an application declare, made from the ports of a process.

A declaration that cannot be made becomes a fault, so that the other ones are checked as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from fastapi import APIRouter
from starlette.middleware import Middleware

from api_base.application.common.cqrs import Bus, Message, Registration
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import left_out
from api_base.core.errors import ApiBaseError, Fault, WiringError
from api_base.core.protocols import HealthCheck
from api_base.core.shared.places import raised_at
from api_base.domain.common.events import AnySubscription, DurableSubscription, Subscription
from api_base.interface.middleware.auth import AuthenticationScheme

_LIFESPAN: Final[type[AbstractAsyncContextManager[None]]] = AbstractAsyncContextManager  # type: ignore[type-abstract]  # for isinstance
_SCHEMES: Final[type[AuthenticationScheme]] = AuthenticationScheme  # type: ignore[type-abstract]  # for isinstance
_SUBSCRIPTIONS: Final[tuple[type[AnySubscription], ...]] = (Subscription, DurableSubscription)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextParts:
    """What one context declares. `routes` are mounted under its prefix, `protocol_routes` at their own paths.

    `complete`: all its handlers could be made.
    """

    context: Context
    complete: bool
    registrations: Sequence[Registration]
    subscriptions: Sequence[AnySubscription]
    routes: APIRouter | None
    protocol_routes: APIRouter | None
    lifespan: AbstractAsyncContextManager[None] | None
    checks: Sequence[HealthCheck]
    middleware: Sequence[Middleware]
    schemes: Sequence[AuthenticationScheme]


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

    def left_out_with(self, brings: Callable[[Context], bool]) -> str | None:
        """Return what to do about the built-in context that is left out and `brings` what is missing; None if there is none."""
        found = next((context.name for context in left_out([one.context for one in self.parts]) if brings(context)), None)
        return found and f"The built-in context {found!r}, which is left out, brings it: take {found} out of CONTEXTS_DISABLED."

    @property
    def routers(self) -> list[tuple[str, APIRouter]]:
        """Return the routers of the REST API with their prefix, in the order of the contexts."""
        return [(one.context.prefix, one.routes) for one in self.parts if one.routes is not None]

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
        """Yield the handlers that a bus can call: the first of each message that replaces another one, or else the first."""
        seen = set[object]()
        for _, one in sorted(self.registrations, key=lambda pair: not pair[1].replaces):
            message: object = one.message
            named = isinstance(message, type) and issubclass(message, Message) and isinstance(getattr(message, "permission", None), str)
            if named and message not in seen and callable(getattr(one.handler, "handle", None)):
                seen.add(message)
                yield one

    @property
    def lifespans(self) -> Iterator[tuple[str, AbstractAsyncContextManager[None]]]:
        """Yield the lifespan of each context that has one, with its name."""
        return ((one.context.name, one.lifespan) for one in self.parts if one.lifespan is not None)

    @property
    def checks(self) -> Sequence[HealthCheck]:
        """Return the health checks of the contexts."""
        return [check for one in self.parts for check in one.checks]

    @property
    def middleware(self) -> Mapping[str, Sequence[Middleware]]:
        """Return the middlewares of the contexts that have any, by prefix."""
        return {one.context.prefix: one.middleware for one in self.parts if one.middleware}

    @property
    def schemes(self) -> Sequence[AuthenticationScheme]:
        """Return the authentication schemes of the contexts."""
        return [scheme for one in self.parts for scheme in one.schemes]

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
    registrations = make.listed("handlers", context.handlers, ports, Registration, "on(Message, handler)")
    for importable in context.importable:
        registrations += make.listed("importable", importable.handlers, ports, Registration, "a FileImport")
    return ContextParts(
        context=context,
        complete=len(faults) == before,
        registrations=registrations,
        subscriptions=[
            *make.listed("subscribers", context.subscribers, ports, _SUBSCRIPTIONS, "a Subscription or a DurableSubscription"),
        ],
        routes=make.one("routes", context.routes, bus, APIRouter, "a Router"),
        protocol_routes=make.one("protocol_routes", context.protocol_routes, bus, APIRouter, "a Router"),
        lifespan=make.one("lifespan", context.lifespan, ports, _LIFESPAN, "an async context manager"),
        checks=make.listed("checks", context.checks, ports, HealthCheck, "an object with name, required and check"),
        middleware=make.middleware(context.middleware, ports),
        schemes=make.listed(
            "authentication",
            context.authentication,
            ports,
            _SCHEMES,
            "an object with name, description, credentials and caller",
        ),
    )


async def _nothing(scope: object, receive: object, send: object) -> None:
    """Answer nothing."""


class _Maker:
    """Makes the parts of one context, and notes what cannot be made."""

    def __init__(self, context: Context, faults: list[Fault]) -> None:
        self._context, self._faults = context, faults

    def listed[T, A](self, what: str, make: Callable[[A], object], given: A, kind: type[T] | tuple[type[T], ...], write: str) -> list[T]:
        """Return those elements of what `make` returns, called with `given`, that are of this `kind`. `write` says what an author writes."""
        made = self._called(what, make, given)
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

    def one[T, A](self, what: str, make: Callable[[A], object] | None, given: A, kind: type[T], wanted: str) -> T | None:
        """Return what `make` returns, called with `given`, if it is of this `kind`. `wanted` says what an author returns."""
        if make is None:
            return None
        made = self._called(what, make, given)
        if made is not None and not isinstance(made, kind):
            self._refuse(what, made, f"return {wanted}")
        return made if isinstance(made, kind) else None

    def middleware(self, make: Callable[[Ports], object], ports: Ports) -> Sequence[Middleware]:
        """Return the middlewares that can be made: each is tried around an application that does nothing."""
        made = self.listed("middleware", make, ports, Middleware, "Middleware(Class, argument=…)")
        for one in made:
            try:
                one.cls(_nothing, *one.args, **one.kwargs)
            except Exception as error:
                sentence = (
                    f"middleware of the context {self._context.name!r} cannot be made. {type(error).__name__}: {str(error).rstrip('.')}."
                )
                self._faults.append(Fault(self._context.declared_at, sentence))
        return made

    def _called(self, what: str, make: object, given: object) -> object:
        if not callable(make):
            self._refuse(what, make, "write a function, such as lambda ports: …, that returns it")
            return None
        try:
            made = make(given)
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
