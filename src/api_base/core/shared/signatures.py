"""What a function says about itself, for the checks at start."""

import inspect
from collections.abc import Awaitable, Collection, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, get_origin, get_type_hints


def hints(call: Any) -> Mapping[str, object]:
    """Return the types of the parameters and of `return`; none if a name in them exists for type checkers only."""
    try:
        return get_type_hints(call, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def is_awaited(call: Any) -> bool:
    """Return whether a call returns an awaitable, as far as the function says. A lambda and what is not written in Python do not say."""
    while isinstance(call, partial):
        call = call.func
    called = call if isinstance(call, FunctionType | MethodType) else inspect.getattr_static(type(call), "__call__", call)
    function = inspect.unwrap(getattr(called, "__func__", called))
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        return True
    return inspect.iscoroutinefunction(function) or get_origin(hints(function).get("return")) in (Awaitable, Coroutine)


def parameters(call: Any) -> Sequence[str]:
    """Return the names of the parameters, without the `self` of a bound method. Raises `ValueError` for a callable that does not tell."""
    return list(inspect.signature(call).parameters)


def may_be(cls: type, of: object) -> bool:
    """Return whether a class derives from `of`, or whether a type checker alone can tell: `Any`, a generic, a protocol, a TypedDict."""
    try:
        return cls is Any or of is Any or not isinstance(of, type) or issubclass(cls, of)
    except TypeError:
        return True


def takes_one(call: Any) -> bool:
    """Return whether one positional argument can be passed, and none is missing then."""
    return _binds(call, None) is True


def takes(call: Any, *values: object, **named: object) -> bool:
    """Return whether a function can be called so. A callable that does not tell what it takes counts as one that can."""
    return _binds(call, *values, **named) is not False


def _binds(call: Any, *values: object, **named: object) -> bool | None:
    """Return whether the arguments can be passed; None for a callable that does not tell."""
    try:
        inspect.signature(call).bind(*values, **named)
    except TypeError:
        return False
    except ValueError:
        return None
    return True


def positional(call: Any) -> Sequence[str]:
    """Return the names of the parameters that can be passed by position or by name, in their order; none for a callable that does not tell."""
    try:
        found = inspect.signature(call).parameters.values()
    except ValueError:
        return []
    return [one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD]


def names_in(call: Any) -> Collection[str]:
    """Return the names of globals and attributes in the code of a function, and in that of the functions within; none for another callable."""
    function = inspect.unwrap(call) if callable(call) else None
    return set(_names(function.__code__)) if isinstance(function, FunctionType) else ()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def globals_of(call: Any) -> Mapping[str, object]:
    """Return the globals that `names_in` names."""
    function = inspect.unwrap(call)
    return {name: function.__globals__[name] for name in names_in(call) if name in function.__globals__}
