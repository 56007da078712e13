"""The parts of a type, such as those of a union or of a list."""

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin


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
