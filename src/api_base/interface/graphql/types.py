"""Types of GraphQL from DTOs: each field of a DTO is a field of its type, with the same value as in the REST API."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter, itemgetter
from types import NoneType, UnionType
from typing import Any, Final, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import strawberry
from strawberry.types.field import StrawberryField

from api_base.core.errors import ProgrammingError
from api_base.interface.errors.problem import ProblemDocument
from api_base.interface.graphql import ids
from api_base.interface.graphql.declared import Node
from api_base.interface.graphql.errors import argument_name, code_of, located
from api_base.interface.graphql.fields import list_of, object_type, plain_field
from api_base.interface.graphql.scalars import Json, Long
from api_base.interface.versioning import Change
from api_base.interface.versioning.readers import made_field

_SAME: Final = (str, bool, float, Decimal, datetime, date, UUID)
_SCALARS: Final[Mapping[Any, Any]] = {**{kind: kind for kind in _SAME}, int: Long, Any: Json | None, object: Json | None}
_UUID: Final = "The id in the REST API, and in the names of channels."


@strawberry.interface(name="Node", description="An object with a global id [Relay, Global Object Identification].")
class NodeInterface:
    id: strawberry.ID = strawberry.field(description="Opaque, and bound to the type.")


def _violations(problem: Mapping[str, Any]) -> list[Mapping[str, str]] | None:
    found = problem.get("errors")
    return None if found is None else [{**one, "pointer": located(one["pointer"])} for one in found]


ViolationType: Final = object_type(
    "Violation",
    {
        "pointer": plain_field(itemgetter("pointer"), str, "A JSON Pointer [RFC 6901] into the arguments of the field."),
        "code": plain_field(itemgetter("code"), str),
        "message": plain_field(itemgetter("message"), str),
    },
    "What is wrong with one value.",
)
ProblemType: Final = object_type(
    "Problem",
    {
        "code": plain_field(lambda problem: code_of(problem["type"]), str, "As `extensions.code` of an error."),
        "title": plain_field(itemgetter("title"), str),
        "status": plain_field(itemgetter("status"), Long, "The HTTP status in the REST API."),
        "detail": plain_field(itemgetter("detail"), str),
        "errors": plain_field(_violations, list_of(ViolationType) | None),
    },
    "Why one of several operations failed [RFC 9457].",
)


class Types:
    """The types of one schema. `nodes` and `changes`, the newest first, are those of all contexts.

    GraphQL has no versions: what a version of the REST API replaced stays as a deprecated field, unless the newer one has its name.
    """

    def __init__(self, nodes: Sequence[Node], changes: Sequence[Change] = ()) -> None:
        self.changes = changes
        self.nodes = {node.dto: node for node in nodes}
        self.by_name = {node.name: node for node in nodes}
        self._made: dict[type[Any], Any] = {}
        self._names: dict[str, type[Any]] = {}

    @property
    def made(self) -> Sequence[Any]:
        """Return all object types."""
        return list(self._made.values())

    def of(self, dto: type[Any]) -> Any:
        """Return the type of a DTO. Raises `ProgrammingError` for a field that has no type in GraphQL, and for two types of one name."""
        found = self._made.get(dto)
        if found is None:
            found = self._made[dto] = self._object(dto)
        return found

    def _object(self, dto: type[Any]) -> Any:
        node = self.nodes.get(dto)
        name = type_name(dto) if node is None else node.name
        self._claim(name, dto)
        hints = get_type_hints(dto)
        fields = {}
        for one in dataclass_fields(dto):
            hint = hints[one.name]
            read = _entries(one.name) if _has_entries(hint) else attrgetter(one.name)
            fields[one.name] = plain_field(read, self.output(hint, dto, one.name))
        fields |= {one: made for one, made in self._replaced(dto, hints) if one not in fields}
        bases: tuple[type[Any], ...] = ()
        if node is not None:
            key, bases = attrgetter(node.key), (NodeInterface,)
            fields["id"] = plain_field(lambda root: ids.encode(node.name, key(root)), strawberry.ID, "Opaque, and bound to the type.")
            fields["uuid"] = plain_field(key, UUID, _UUID)
        made = object_type(name, fields, _documentation(dto), bases)
        made.__strawberry_definition__.is_type_of = lambda found, info: isinstance(found, dto)
        return made

    def _replaced(self, dto: type[Any], hints: Mapping[str, Any]) -> Iterator[tuple[str, StrawberryField]]:
        """Yield the fields that versions of the API have replaced, with their names."""
        known: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            one.name: (hints[one.name], attrgetter(one.name)) for one in dataclass_fields(dto)
        }
        for change in self.changes:
            if dto in change.of:
                for name, hint in change.types({newer: known[newer][0] for newer in change.newer}).items():
                    known[name] = hint, made_field(change, {newer: known[newer][1] for newer in change.newer}, name)
                    instead = " and ".join(argument_name(newer) for newer in change.newer)
                    with suppress(ProgrammingError):  # a type that GraphQL has no form for was never shown there
                        yield name, plain_field(known[name][1], self.output(hint, dto, name), deprecated=f"Use {instead}.")

    def _claim(self, name: str, dto: type[Any]) -> None:
        other = self._names.setdefault(name, dto)
        if other is not dto:
            raise ProgrammingError(
                f"Two DTOs have the GraphQL type {name}: {other.__module__}.{other.__qualname__} and {dto.__module__}.{dto.__qualname__}. "
                "Rename one of them."
            )

    def output(self, hint: Any, dto: type[Any], field: str) -> Any:
        """Return the annotation of Strawberry for the type of a field. Raises `ProgrammingError` for a type without a form in GraphQL."""
        origin, arguments = get_origin(hint), get_args(hint)
        if hint is ProblemDocument:
            return ProblemType
        if isinstance(hint, NewType):
            return self.output(hint.__supertype__, dto, field)
        if origin in (Union, UnionType) and len(inner := [one for one in arguments if one is not NoneType]) == 1:
            return self.output(inner[0], dto, field) | None
        if hint in _SCALARS:
            return _SCALARS[hint]
        found = self._class(hint) if inspect.isclass(hint) else self._collection(origin, arguments, dto, field)
        if found is None:
            raise ProgrammingError(
                f"{dto.__qualname__}.{field} has the type {hint}, which GraphQL cannot show. Use a DTO, a scalar, a sequence or Mapping[str, …]."
            )
        return found

    def _class(self, hint: type[Any]) -> Any:
        if issubclass(hint, Enum):
            return strawberry.enum(hint)
        return self.of(hint) if is_dataclass(hint) else None

    def _collection(self, origin: Any, arguments: tuple[Any, ...], dto: type[Any], field: str) -> Any:
        if inspect.isclass(origin) and issubclass(origin, Mapping) and arguments[0] is str:
            return Json if arguments[1] in (Any, object) else list_of(self._entry(arguments[1], dto, field))
        if inspect.isclass(origin) and issubclass(origin, Sequence):
            return list_of(self.output(arguments[0], dto, field))
        return None

    def _entry(self, hint: Any, dto: type[Any], field: str) -> Any:
        """Return the type of an entry of a mapping: GraphQL has no mappings."""
        name = f"{type_name(dto)}{field[0].upper()}{argument_name(field)[1:]}"
        key, value = plain_field(lambda entry: entry[0], str), plain_field(lambda entry: entry[1], self.output(hint, dto, field))
        return object_type(name, {"key": key, "value": value})


def _has_entries(hint: Any) -> bool:
    """Return whether a field is a mapping, which GraphQL shows as its entries. One to anything is JSON."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(map(_has_entries, arguments))
    return inspect.isclass(origin) and issubclass(origin, Mapping) and arguments[1] not in (Any, object)


def _entries(name: str) -> Callable[[Any], Any]:
    read = attrgetter(name)

    def entries(root: Any) -> list[Any] | None:
        found = read(root)
        return None if found is None else list(found.items())

    return entries


def type_name(dto: type[Any]) -> str:
    """Return the name of the type of a DTO that is no node."""
    return dto.__name__.removesuffix("DTO")


def _documentation(dto: type[Any]) -> str | None:
    """Return the docstring, without the one that `dataclass` writes."""
    text = inspect.getdoc(dto)
    return None if text is None or text.startswith(f"{dto.__name__}(") else text
