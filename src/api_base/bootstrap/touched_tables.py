"""Which tables a handler touches, as far as it says: by the objects that it was given, and by the tables and the SQL that its code names."""

import re
from collections.abc import Collection, Iterator, Mapping
from types import FunctionType
from typing import Final

import sqlalchemy as sa

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.context import Ports
from api_base.core.shared import signatures
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement

_MAX_DEPTH: Final = 3
"""Objects between a handler and one that is examined."""
_TABLES: Final = re.compile(r"\b(?:from|join|into|update)\s+(\w+)", re.IGNORECASE)
_SHARED: Final = (Database, Bus, Ports, Mapping, Collection)
"""Kinds of objects that belong to all handlers, or whose content says nothing about one."""


def touched_by(handler: object, declared: Collection[str]) -> list[str]:
    """Return the names, in order, of those `declared` tables that the handler of a message touches."""
    found, seen = set[str](), set[int]()
    _examine(handler, _MAX_DEPTH, found, seen)
    return sorted(str(name) for name in found & set(declared))


def _examine(thing: object, depth: int, found: set[str], seen: set[int]) -> None:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, sa.Table):
        found.add(thing.name)
    elif isinstance(thing, Statement):
        found.update(_TABLES.findall(thing.sql))
    elif isinstance(thing, str):
        found.update(_TABLES.findall(thing))
    elif not isinstance(thing, _SHARED) and type(thing).__module__.partition(".")[0] != "sqlalchemy":
        for named in named_by(type(thing)):
            if isinstance(named, sa.Table | Statement | str):
                _examine(named, depth, found, seen)
        for value in _attributes(thing) if depth else ():
            _examine(value, depth - 1, found, seen)


def named_by(cls: type) -> Iterator[object]:
    """Yield the globals that the methods of a class name, and those that the functions among them name."""
    for one in cls.__mro__:
        for method in vars(one).values():
            for named in signatures.globals_of(method).values() if isinstance(method, FunctionType) else ():
                yield named
                if isinstance(named, FunctionType) and named.__module__ == method.__module__:
                    yield from signatures.globals_of(named).values()


def _attributes(thing: object) -> Iterator[object]:
    slots = (name for one in type(thing).__mro__ for name in vars(one).get("__slots__", ()))
    yield from getattr(thing, "__dict__", {}).values()
    yield from (getattr(thing, name) for name in slots if hasattr(thing, name))
