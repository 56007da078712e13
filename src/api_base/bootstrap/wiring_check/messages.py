"""Messages and handlers: each message has one handler, which takes it, is awaited, and returns what the message declares."""

import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from types import FunctionType, ModuleType, NoneType, UnionType
from typing import ClassVar, Union, get_args, get_origin

from api_base.application.common.cqrs import Message, Registration, answer_of
from api_base.bootstrap.context import Context
from api_base.bootstrap.declarations import ContextParts, Declarations
from api_base.core.errors import Fault, ProgrammingError
from api_base.core.shared import signatures
from api_base.core.shared.places import place_of


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield the faults of registrations, then the messages that have no handler."""
    first: dict[object, tuple[Context, str]] = {}
    for context, registration in declarations.registrations:
        if not registration.replaces:
            other, where = first.setdefault(registration.message, (context, registration.declared_at))
            if where != registration.declared_at:
                name = _name(registration.message)
                remedy = "" if other is context else f", or replace that of {other.name}: replacing({name}, …)"
                yield Fault(registration.declared_at, f"{name} has two handlers, the first at {where}. Remove one of them{remedy}.")
        yield from _message(registration, context)
        yield from _handler(registration)
    yield from _replaced(declarations, first.keys())
    if all(parts.complete for parts in declarations.parts):
        used = [parts.context for parts in declarations.parts]
        for parts in declarations.parts:
            yield from _forgotten(parts, used, first.keys(), declarations.missing)


def _replaced(declarations: Declarations, handled: Container[object]) -> Iterator[Fault]:
    """Find what is replaced twice, and what there is nothing to replace of."""
    first: dict[object, str] = {}
    for registration in [one for _, one in declarations.registrations if one.replaces]:
        message, name, place = registration.message, _name(registration.message), registration.declared_at
        if message in first:
            yield Fault(place, f"The handler of {name} is replaced twice, the first time at {first[message]}. Remove one of the two.")
        first.setdefault(message, place)
        if message not in handled and all(parts.complete for parts in declarations.parts):
            yield Fault(place, f"No context handles {name}, so there is nothing to replace. Write on({name}, …), or correct the message.")


def _message(registration: Registration, context: Context) -> Iterator[Fault]:
    message: object = registration.message
    if not isinstance(message, type) or not issubclass(message, Message):
        yield Fault(registration.declared_at, f"{_name(message)} is not a message. Derive the class from Command[T] or Query[T].")
        return
    place, name = place_of(message), message.__name__
    if not isinstance(getattr(message, "permission", None), str):
        yield Fault(place, f'{name} declares no permission. Write permission = "{context.name}:…"; PUBLIC allows every caller.')
    try:
        answer_of(message)
    except ProgrammingError as error:
        yield Fault(place, str(error))
    if "__dataclass_fields__" not in vars(message) and _has_fields(message):
        yield Fault(
            place, f"{name} is not a dataclass, so it takes no arguments. Write @dataclass(frozen=True, slots=True, kw_only=True) above it."
        )


def _has_fields(message: type) -> bool:
    hints: Mapping[str, object] = vars(message).get("__annotations__", {})
    return any(get_origin(hint) is not ClassVar and not str(hint).startswith("ClassVar") for hint in hints.values())


def _handler(registration: Registration) -> Iterator[Fault]:
    handler, name, wanted = registration.handler, _name(registration.handler), _name(registration.message)
    if isinstance(handler, type):
        yield Fault(registration.declared_at, f"{name} is registered as a class. Pass an instance: on({wanted}, {name}(…)).")
        return
    handle: object = getattr(handler, "handle", None)
    if not callable(handle):
        yield Fault(registration.declared_at, f"{name} has no method `handle`. Write async def handle(self, message: {wanted}).")
        return
    place, hints = place_of(handle), signatures.hints(handle)
    if not signatures.is_awaited(handle):
        yield Fault(place, f"{name}.handle is not a coroutine function. Write async def handle.")
    if not signatures.takes_one(handle):
        yield Fault(place, f"{name}.handle does not take one message. Write async def handle(self, message: {wanted}).")
        return
    yield from _taken(registration, place, _argument(handle, hints))
    yield from _answered(registration, place, hints.get("return"))


def _taken(registration: Registration, place: str, taken: object) -> Iterator[Fault]:
    accepted = get_args(taken) if get_origin(taken) in (Union, UnionType) else (taken,)
    classes = [one for one in accepted if isinstance(one, type)]
    message: object = registration.message
    if not isinstance(message, type) or any(signatures.may_be(message, one) for one in accepted):
        return
    yield Fault(
        place,
        f"{_name(registration.handler)}.handle takes {' or '.join(one.__name__ for one in classes)}, but is registered for {message.__name__} "
        f"at {registration.declared_at}. Register it with on({classes[0].__name__}, …), or take a {message.__name__}.",
    )


def _answered(registration: Registration, place: str, returned: object) -> Iterator[Fault]:
    """Compare plain classes only; mypy compares the others."""
    try:
        answer: object = answer_of(registration.message)
    except (ProgrammingError, AttributeError):
        return
    declared, answered = (NoneType if one is None else one for one in (answer, returned))
    if isinstance(declared, type) and isinstance(answered, type) and answered is not object and not signatures.may_be(answered, declared):
        yield Fault(
            place,
            f"{_name(registration.handler)}.handle returns {_shown(answered)}, but {registration.message.__name__} declares {_shown(declared)}. "
            "Let both name the same class.",
        )


def _forgotten(parts: ContextParts, used: Container[object], registered: Container[object], missing: set[object]) -> Iterator[Fault]:
    """Find messages beside the registered ones that no handler takes, in the modules that the context imports.

    A message that `handlers` names is registered under some condition; those beside a context that is not `used` are that context's.
    """
    modules = [module for module in _modules(parts) if all(one in used for one in _objects(module) if type(one) is Context)]
    defined = [one for module in modules for one in _objects(module) if isinstance(one, type) and one.__module__ == module.__name__]
    conditional = signatures.names_in(parts.context.handlers)
    for message in defined:
        if not issubclass(message, Message) or message.__subclasses__() or "__dataclass_fields__" not in vars(message):
            continue
        if (
            message in registered
            or message in missing
            or message.__name__ in conditional
            or isinstance(getattr(message, "remote", None), str)
        ):
            continue
        missing.add(message)
        handler, name = next((one for one in defined if _handled_by(one) is message), None), message.__name__
        what = f"add on({name}, …)" if handler is None else f"{handler.__name__} takes it: add on({name}, {handler.__name__}(…))"
        yield Fault(
            place_of(message),
            f"{name} has no handler. To the handlers of the context {parts.context.name!r}, {what}; or remove the message.",
        )


def _handled_by(cls: type) -> object:
    handle: object = vars(cls).get("handle")
    return _argument(handle, signatures.hints(handle), bound=False) if isinstance(handle, FunctionType) else None


def _modules(parts: ContextParts) -> Sequence[ModuleType]:
    """Return the modules that the context's own module imports, directly or not, and that lie beside its messages and handlers.

    A generic handler is a ready one, which lies beside those of no context.
    """
    waiting = [parts.context.declared_in]
    for one in parts.registrations:
        own = (one.message,) if getattr(type(one.handler), "__type_params__", ()) else (one.message, type(one.handler))
        waiting += [getattr(thing, "__module__", "") for thing in own]
    beside = {_folder(name) for name in waiting}
    found: dict[str, ModuleType] = {}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if module is None or name in found:
            continue
        found[name] = module
        named = {one.__name__ if isinstance(one, ModuleType) else one.__module__ for one in _objects(module)}
        waiting += [one for one in named if isinstance(one, str) and one not in found and _folder(one) in beside]
    return list(found.values())


def _objects(module: ModuleType) -> Iterator[type | ModuleType | FunctionType | Context]:
    """Yield what a module defines or imports. The type is asked, not the object: a proxy may raise for any attribute."""
    for one in vars(module).values():
        kind = type(one)
        if issubclass(kind, type | ModuleType | FunctionType | Context):
            yield one


def _folder(module: str) -> str:
    return module.rpartition(".")[0] or module


def _argument(handle: object, hints: Mapping[str, object], *, bound: bool = True) -> object:
    """Return the type of the message that a method takes."""
    names = signatures.parameters(handle)[0 if bound else 1 :]
    return hints.get(names[0]) if names else None


def _name(thing: object) -> str:
    return thing.__name__ if isinstance(thing, type) else type(thing).__name__


def _shown(cls: type) -> str:
    return "None" if cls is NoneType else cls.__name__
