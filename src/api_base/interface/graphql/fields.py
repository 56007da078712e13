"""Fields of GraphQL whose name, arguments and type are known only when the schema is built."""

import inspect
import keyword
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from enum import Enum
from operator import attrgetter
from typing import Any, Final, cast

import strawberry
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from api_base.interface.graphql.errors import graphql_error

type Resolve = Callable[..., Awaitable[Any]]
type Argument = tuple[Any, Any]
"""An annotation and a default."""

REQUIRED: Final = inspect.Parameter.empty


def field(resolve: Resolve, returns: Any, description: str, arguments: Mapping[str, Argument] | None = None) -> StrawberryField:
    """Return the field that `resolve(root, info, **arguments)` answers. Its errors are those of `graphql_error`.

    A field that may fail is nullable: otherwise its error would take the fields beside it away.
    """

    async def answered(root: Any, info: Any, **given: Any) -> Any:
        try:
            return await resolve(root, info, **given)
        except Exception as error:
            raise graphql_error(error) from error

    _describe(answered, returns, arguments or {})
    made: StrawberryField = strawberry.field(resolver=answered, description=description)
    return made


def stream_field(
    subscribe: Callable[..., AsyncGenerator[Any]], returns: Any, description: str, arguments: Mapping[str, Argument]
) -> StrawberryField:
    """Return the field whose events `subscribe(root, info, **arguments)` yields. Its errors are those of `graphql_error`."""

    async def answered(root: Any, info: Any, **given: Any) -> AsyncGenerator[Any]:
        try:
            async with aclosing(subscribe(root, info, **given)) as events:
                async for one in events:
                    yield one
        except Exception as error:
            raise graphql_error(error) from error

    _describe(answered, AsyncGenerator[returns], arguments)
    made: Any = strawberry.subscription(resolver=answered, description=description)
    return cast("StrawberryField", made)


def list_of(kind: Any) -> Any:
    """Return the annotation of a list, of a type that is known only when the schema is built."""
    return list[kind]


def plain_field(read: Callable[[Any], Any], returns: Any, description: str | None = None, deprecated: str | None = None) -> StrawberryField:
    """Return the field whose value `read` takes from the object. `deprecated` says what to use instead of it."""

    def value(root: Any, info: Any) -> Any:
        del info
        return read(root)

    _describe(value, returns, {})
    made: StrawberryField = strawberry.field(resolver=value, description=description, deprecation_reason=deprecated, metadata={_READ: read})
    return made


_READ: Final = "api_base.read"


def plain_reader(extensions: Mapping[str, Any] | None) -> Callable[[Any], Any] | None:
    """Return what `plain_field` made a field of the schema from, or how to read the attribute that it shows; None for another field."""
    definition = (extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField):
        return None
    read: Callable[[Any], Any] | None = definition.metadata.get(_READ)
    return attrgetter(definition.python_name) if read is None and definition.base_resolver is None else read


def _describe(function: Any, returns: Any, arguments: Mapping[str, Argument]) -> None:
    """Give `function` the signature that Strawberry reads."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
        *(inspect.Parameter(name, kind, annotation=hint, default=default) for name, (hint, default) in arguments.items()),
    ]
    function.__signature__ = inspect.Signature(parameters, return_annotation=returns)
    function.__annotations__ = {"info": Info, **{name: hint for name, (hint, _) in arguments.items()}, "return": returns}


def object_type(name: str, fields: Mapping[str, StrawberryField], description: str | None = None, bases: tuple[type[Any], ...] = ()) -> Any:
    """Return the type `name` with `fields`."""
    return strawberry.type(type(name, bases, {"__annotations__": {}, **fields}), name=name, description=description)


def python_name(name: str) -> str:
    """Return the attribute of the member `name` of an input type."""
    return f"{name}_" if keyword.iskeyword(name) else name


def input_type(name: str, members: Mapping[str, Argument], description: str | None, deprecated: Mapping[str, str] | None = None) -> Any:
    """Return the input type `name`; a member is its annotation and default, or `REQUIRED`. `deprecated` has the reasons of members."""
    body: dict[str, Any] = {"__annotations__": {python_name(key): hint for key, (hint, _) in members.items()}}
    for key, (_, default) in members.items():
        graphql = key if keyword.iskeyword(key) else None
        described: dict[str, Any] = {"name": graphql} | ({} if default is REQUIRED else {"default": default})
        body[python_name(key)] = strawberry.field(**described, deprecation_reason=(deprecated or {}).get(key))
    return strawberry.input(type(name, (), body), name=name, description=description)


def enumeration(name: str, members: Mapping[str, str]) -> Any:
    """Return the enumeration `name`, of names and values."""
    functional: Any = Enum
    return strawberry.enum(functional(name, dict(members)))


def add_field(owner: Any, name: str, added: StrawberryField) -> None:
    """Add a field to a type that exists: relations lead back to types that lead to them."""
    added.python_name, added.origin = name, owner
    owner.__strawberry_definition__.fields.append(added)
