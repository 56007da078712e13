"""Input types from the bodies of the REST API: each member of a body is one of its input type, and the same validation decides."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec
import strawberry
from pydantic import BaseModel, SecretStr, TypeAdapter
from strawberry import UNSET

from api_base.core.errors import Invalid, ProgrammingError
from api_base.interface.graphql.errors import argument_name
from api_base.interface.graphql.fields import REQUIRED, Argument, enumeration, input_type, list_of
from api_base.interface.graphql.scalars import Json, Long
from api_base.interface.routes.body import validated
from api_base.interface.versioning.pointers import older_violations
from api_base.interface.versioning.shapes import Shapes

_SAME: Final = (str, bool, float, datetime, date, UUID)
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


class Inputs:
    """The input types of one schema. They have the fields that versions of the API have replaced, as deprecated ones."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._older: dict[type, Sequence[str]] = {}
        self._made: dict[type[BaseModel], Any] = {}
        self._unions: dict[str, Any] = {}
        self._merging: dict[str, tuple[Any, ...]] = {}

    def of(self, model: type[BaseModel]) -> Any:
        """Return the input type of a body."""
        model = self._shapes.of(model)
        if model not in self._made:
            members = {
                name: (self._kind(one.annotation), REQUIRED) if one.is_required() else (self._kind(one.annotation) | None, UNSET)
                for name, one in model.model_fields.items()
            }
            replaced = {name: f"Use {' and '.join(map(argument_name, newer))}." for name, newer in self._shapes.replaced(model).items()}
            description = model.__doc__ and inspect.getdoc(model)
            self._made[model] = input_type(input_name(model), members, description, replaced)
            self._older[self._made[model]] = [*replaced]
        return self._made[model]

    def reader(self, model: type[BaseModel]) -> Callable[[Any], Awaitable[BaseModel]]:
        """Return the function that reads an input as the body of its route. It raises `Invalid`, `MalformedBody`."""
        accepted = self._shapes.of(model)
        adapter = TypeAdapter(accepted)

        async def read(given: Any) -> BaseModel:
            sent = await validated(_encode(plain(given)), accepted, adapter)
            made: BaseModel = self._shapes.asked(sent, "body")
            return made

        return read

    def located(self, error: Invalid, given: Any, model: type[BaseModel]) -> Invalid:
        """Return an error of the body of a route, at what `given`, its input, has: an older field if that was sent."""
        return older_violations(error, model, self._shapes.changes_of) if self._sends_older(given) else error

    def _sends_older(self, given: Any) -> bool:
        if isinstance(given, list):
            return any(map(self._sends_older, given))
        older = self._older.get(type(given), ())
        return any(name in older or self._sends_older(value) for name, value in (_sent(given) or {}).items())

    def _kind(self, hint: Any) -> Any:
        """Return the type of a member: JSON where GraphQL has no form, which the body still validates."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._kind(arguments[0])
        if origin in (Union, UnionType):
            inner = [one for one in arguments if one is not NoneType]
            return self._kind(inner[0]) | None if len(inner) == 1 else self._merged(inner)
        if hint in _SAME:
            return hint
        if hint is int:
            return Long
        if hint is SecretStr or origin is Literal:
            return str
        if origin in (list, tuple):
            return list_of(self._kind(arguments[0]))
        if inspect.isclass(hint) and issubclass(hint, Enum):
            return strawberry.enum(hint)
        return self.of(hint) if inspect.isclass(hint) and issubclass(hint, BaseModel) else Json

    def _merged(self, kinds: Sequence[Any]) -> Any:
        """Return one input type with the members of several bodies, which the body tells apart by a member of literals; JSON for other unions.

        A member that not all of them require is nullable: the body says what its alternative requires.
        """
        if not all(inspect.isclass(one) and issubclass(one, BaseModel) for one in kinds):
            return Json
        name = re.findall("[A-Z][a-z]*", kinds[0].__name__)[-1]  # CreateOperation, UpdateOperation and so on are an Operation
        if self._merging.setdefault(name, tuple(kinds)) != tuple(kinds):
            raise ProgrammingError(
                f"Two unions of bodies have the GraphQL type {name}Input: rename {kinds[0].__qualname__} of one of them."
            )
        if name not in self._unions:
            members: dict[str, Argument] = {}
            for member in dict.fromkeys(member for one in kinds for member in one.model_fields):
                having = [one.model_fields[member] for one in kinds if member in one.model_fields]
                values = [value for one in having if get_origin(one.annotation) is Literal for value in get_args(one.annotation)]
                kind = self._choices(f"{name}{member.capitalize()}", values) if values else self._kind(having[0].annotation)
                required = len(having) == len(kinds) and all(one.is_required() for one in having)
                members[member] = (kind, REQUIRED) if required else (kind | None, UNSET)
            self._unions[name] = input_type(f"{name}Input", members, "What it needs depends on the action.")
        return self._unions[name]

    @staticmethod
    def _choices(name: str, values: Sequence[str]) -> Any:
        return enumeration(name, {value.upper(): value for value in values})


def input_name(model: type[BaseModel]) -> str:
    """Return the name of the input type of a body."""
    return f"{model.__name__.removesuffix('Body')}Input"


def _sent(given: Any) -> Mapping[str, Any] | None:
    """Return the members of an input that were sent, by their names in Python; None for what is no input."""
    if not hasattr(given, "__strawberry_definition__") or isinstance(given, Enum):
        return None
    members = {one.python_name: getattr(given, one.python_name) for one in given.__strawberry_definition__.fields}
    return {name: value for name, value in members.items() if value is not UNSET}


def plain(given: Any) -> Any:
    """Return an input as JSON has it, without members that were not sent."""
    if (sent := _sent(given)) is not None:
        return {name.rstrip("_"): plain(value) for name, value in sent.items()}
    if isinstance(given, list):
        return [plain(one) for one in given]
    if isinstance(given, Mapping):
        return {name: plain(value) for name, value in given.items()}
    return given.value if isinstance(given, Enum) else given
