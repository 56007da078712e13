"""How the values of scalars and enumerations are completed in responses, for exact types; every other value is coerced by graphql-core's type."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from graphql import GraphQLEnumType, GraphQLLeafType
from graphql.pyutils import Undefined

from api_base.interface.routes.rendering import encode

MAX_RESPONSE_BYTES: Final = 16 * 1_048_576
_SHORT: Final = 64
"""Texts of fewer characters are not counted: the cost limits their number."""
_INT32: Final = 2**31

type Complete = Callable[[Any], Any]


class Irregular(Exception):
    """A value that graphql-core must complete."""


class Size:
    """At least how many bytes a response has so far. A text that stands in it many times is one object until it is encoded."""

    __slots__ = ("characters",)

    def __init__(self) -> None:
        self.characters = 0

    @property
    def exceeded(self) -> bool:
        """Return whether the response is too large."""
        return self.characters > MAX_RESPONSE_BYTES


def leaf_of(kind: GraphQLLeafType, size: Size) -> Complete:
    """Return the function that completes a value that is not null, and counts it. It raises `Irregular` for what is no value of the type."""
    coerce = kind.coerce_output_value

    def other(value: Any) -> Any:
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise Irregular
        if isinstance(coerced, str):
            size.characters += len(coerced)
        return coerced

    if isinstance(kind, GraphQLEnumType):
        return _enumeration(kind, other)
    if kind.name == "JSON":
        return _json(size)
    made = _BY_NAME.get(kind.name)
    return other if made is None else made(other, size)


def _text(other: Complete, size: Size) -> Complete:
    def text(value: Any) -> Any:
        if type(value) is not str:
            return other(value)
        if len(value) > _SHORT:
            size.characters += len(value)
        return value

    return text


def _exact(kind: type[Any]) -> Callable[[Complete, Size], Complete]:
    def made(other: Complete, size: Size) -> Complete:
        del size
        return lambda value: value if type(value) is kind else other(value)

    return made


def _int(other: Complete, size: Size) -> Complete:
    del size
    return lambda value: value if type(value) is int and -_INT32 <= value < _INT32 else other(value)


def _time(other: Complete, size: Size) -> Complete:
    """The encoder writes times in UTC as the scalar does."""
    del size
    return lambda value: value if type(value) is datetime and value.tzinfo is UTC else other(value)


def _uuid(other: Complete, size: Size) -> Complete:
    del size
    return lambda value: value if isinstance(value, UUID) else other(value)


def _json(size: Size) -> Complete:
    """Encode JSON where it stands: its size is known then, and nothing walks it."""

    def json(value: Any) -> msgspec.Raw:
        if size.exceeded:
            raise Irregular
        content = encode(value)
        size.characters += len(content)
        return msgspec.Raw(content)

    return json


def _enumeration(kind: GraphQLEnumType, other: Complete) -> Complete:
    """Members are looked up by identity: their hash is a function in Python."""
    names = {id(member): kind.coerce_output_value(member) for member in getattr(kind, "wrapped_cls", ())}

    def enumeration(value: Any) -> Any:
        return names.get(id(value)) or other(value)

    return enumeration


_BY_NAME: Final[dict[str, Callable[[Complete, Size], Complete]]] = {
    "String": _text, "ID": _text, "Boolean": _exact(bool), "Long": _exact(int), "Int": _int, "DateTime": _time, "UUID": _uuid,
}  # fmt: skip
