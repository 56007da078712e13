"""Which types one value of a query, a header, a cookie or a form can have: what pydantic reads from text, and no collection."""

from collections.abc import Collection, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, TypeAliasType, Union, get_args, get_origin

from fastapi import BackgroundTasks, Response, UploadFile
from fastapi.security import SecurityScopes
from pydantic import BaseModel
from starlette.requests import HTTPConnection

_OTHER: Final = (BaseModel, Mapping, HTTPConnection, Response, BackgroundTasks, SecurityScopes, UploadFile)


def one_value(hint: Any) -> bool:
    """Return whether a type is that of one value, such as `int`, `UUID | None` or an enumeration."""
    hint = plain_type(hint)
    if get_origin(hint) in (Union, UnionType):
        return all(one_value(one) for one in get_args(hint) if one is not NoneType)
    if get_origin(hint) is Literal:
        return True
    if isinstance(hint, NewType):
        return one_value(hint.__supertype__)
    cls = get_origin(hint) or hint
    if not isinstance(cls, type) or cls in (object, Any, NoneType):
        return False
    collection = issubclass(cls, Collection) and not issubclass(cls, str | bytes)
    return not (collection or issubclass(cls, _OTHER) or is_dataclass(cls))


def member_of(hint: Any) -> Any:
    """Return the type of the members of `list[…]`, also of one that may be None; None for another type."""
    hint = plain_type(optional(hint))
    return get_args(hint)[0] if get_origin(hint) is list else None


def optional(hint: Any) -> Any:
    """Return T of `T | None`; another type as it is."""
    found = plain_type(hint)
    if get_origin(found) in (Union, UnionType):
        others = [one for one in get_args(found) if one is not NoneType]
        return others[0] if len(others) == 1 else found
    return found


def nullable(hint: Any) -> bool:
    """Return whether the type is `T | None`."""
    return bool(optional(hint) != plain_type(hint))


def plain_type(hint: Any) -> Any:
    """Return a type without its alias and annotations."""
    while isinstance(hint, TypeAliasType) or get_origin(hint) is Annotated:
        hint = hint.__value__ if isinstance(hint, TypeAliasType) else get_args(hint)[0]
    return hint
