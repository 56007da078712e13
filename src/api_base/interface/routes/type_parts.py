"""The parts of a type, such as those of a union or of a list."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel


def inside(hint: Any, convert: Callable[[Any], Any]) -> Any:
    """Return a type whose parts are what `convert` returns for them; a type without parts as it is."""
    if hint is NoneType:
        return None  # FastAPI takes its class for a body
    if isinstance(hint, TypeAliasType):
        return convert(hint.__value__)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(convert(arguments[0]), *arguments[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(convert(one) for one in arguments)]  # noqa: UP007 -- made of a tuple
    if origin is not None and origin is not Literal and arguments:
        return origin[tuple(one if one is Ellipsis else convert(one) for one in arguments)]
    return hint


def classes_in(hint: Any) -> Iterator[type]:
    """Yield the classes in a type once each, with those in the fields of dataclasses and models. Raises `NameError` for a type that does not exist."""
    waiting, seen = [hint], set[int]()
    while waiting:
        one = waiting.pop()
        cls = get_origin(one) or one
        waiting += get_args(one)
        if id(cls) in seen:
            continue
        if isinstance(cls, TypeAliasType):
            seen.add(id(cls))
            waiting.append(cls.__value__)
        elif isinstance(cls, type):
            seen.add(id(cls))
            yield cls
            if issubclass(cls, BaseModel):
                cls.model_rebuild(raise_errors=False)  # or a class that is defined below has no type yet
                waiting += [origin_of(cls), *(one.annotation for one in cls.model_fields.values())]
            elif is_dataclass(cls):
                waiting += get_type_hints(cls, include_extras=True).values()


def origin_of(cls: Any) -> Any:
    """Return the generic model of which a model has other arguments; the class itself for any other one."""
    return getattr(cls, "__pydantic_generic_metadata__", {}).get("origin") or cls


def arguments_of(cls: Any, arguments: Sequence[Any]) -> Mapping[Any, Any]:
    """Return what the parameters of a generic class are for these arguments, with those of the classes that it derives from."""
    found = dict(zip(getattr(cls, "__type_params__", ()), arguments, strict=False))
    for base in getattr(cls, "__orig_bases__", ()):
        found |= arguments_of(get_origin(base) or base, [with_arguments(one, found) for one in get_args(base)])
    return found


def with_arguments(hint: Any, arguments: Mapping[Any, Any]) -> Any:
    """Return a type with the arguments of its class in the place of its parameters; itself without any."""
    if isinstance(hint, TypeVar):
        return arguments.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(arguments.get(one, one) for one in parameters)] if parameters else hint


def set_types(cls: Any, types: Mapping[str, Any]) -> None:
    """Give the fields of a dataclass that was made without them their types."""
    cls.__annotations__ = dict(types)
    for one in fields(cls):
        one.type = types[one.name]
