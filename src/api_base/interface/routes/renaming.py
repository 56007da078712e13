"""Routes whose clients see other names than Python's: `Router(rename="camel")`.

The functions, bodies and DTOs stay as they are. A body is validated by a subclass whose members have the other names and no further ones; a DTO is
sent with them, and described by a class that has them. Names inside of free-form objects, values, paths and headers are never changed.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import MISSING, fields, is_dataclass, make_dataclass, replace
from dataclasses import field as dataclass_field
from functools import cache, wraps
from types import new_class
from typing import Annotated, Any, Final, Literal, TypeAliasType, get_args, get_origin, get_type_hints

from fastapi import params
from pydantic import BaseModel

from api_base.application.common.listing import Page
from api_base.core.errors import Invalid, NotFound, ProgrammingError, Taken, Violation
from api_base.core.shared.naming import camel
from api_base.interface.routes.parameters import ListQuery
from api_base.interface.routes.single_values import member_of, one_value
from api_base.interface.routes.type_parts import arguments_of, classes_in, inside, set_types, with_arguments
from api_base.interface.routes.unfinished_models import UnfinishedModels
from api_base.interface.routes.unknown_members import models_in

type Rename = Literal["camel"]
type Wire = Callable[[str], str]
"""Returns the name that clients see."""

WIRES: Final[Mapping[Rename, Wire]] = {"camel": camel}
OLDER_RESULT: Final = "__api_base_older_result__"
"""The attribute of a function of an older version of the API that has the type of its result, before it is renamed."""
_PARTS: Final = frozenset({"query", "path", "header", "cookie"})


def renamed(endpoint: Callable[..., Any], wire: Wire, in_path: Sequence[str]) -> Callable[..., Any]:
    """Return the function of a route as clients see it: with the other names in its body, its query, its form and its result."""
    hints = get_type_hints(endpoint, include_extras=True)
    seen = {name: hint if name in in_path else _parameter(name, hint, wire) for name, hint in hints.items() if name != "return"}
    body = next((one for one in seen.values() if isinstance(one, type) and issubclass(one, BaseModel)), None)
    result = client_type(hints["return"], wire) if "return" in hints else inspect.Signature.empty

    @wraps(endpoint)
    async def of_clients(**given: Any) -> Any:
        try:
            return await endpoint(**given)
        except Invalid as error:
            raise _located(error, wire, body) from None
        except (NotFound, Taken) as error:
            raise error.naming(wire) from None

    parameters = [
        one.replace(annotation=seen.get(name, one.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for name, one in inspect.signature(endpoint).parameters.items()
    ]
    setattr(of_clients, "__signature__", inspect.Signature(parameters, return_annotation=result))  # noqa: B010 -- mypy knows no such attribute of a function
    of_clients.__annotations__ = seen | ({"return": result} if "return" in hints else {})
    return of_clients


def result_of(endpoint: Callable[..., Any]) -> Any:
    """Return the type of the result as the function declares it, or as an older version of the API has it."""
    older = getattr(endpoint, OLDER_RESULT, None)
    return get_type_hints(inspect.unwrap(endpoint), include_extras=True).get("return") if older is None else older


def _parameter(name: str, hint: Any, wire: Wire) -> Any:
    mark = next((one for one in get_args(hint)[1:] if isinstance(one, params.Depends | params.Param | params.Body)), None)
    if isinstance(mark, params.Depends):
        listing = mark.dependency
        return Annotated[get_args(hint)[0], params.Depends(replace(listing, wire=wire))] if isinstance(listing, ListQuery) else hint
    if isinstance(mark, params.Query | params.Form) and mark.alias is None:
        alias = copy(mark)
        alias.alias = alias.validation_alias = alias.serialization_alias = wire(name)
        alias._attributes_set = mark._attributes_set | {"alias": wire(name), "validation_alias": wire(name)}  # what FastAPI merges
        return Annotated[(get_args(hint)[0], *(alias if one is mark else one for one in get_args(hint)[1:]))]
    if mark is None and one_value(hint) and member_of(hint) is None:
        return Annotated[hint, params.Query(alias=wire(name))]
    return client_type(hint, wire)


def client_type(hint: Any, wire: Wire) -> Any:
    """Return a type as clients see it."""
    types, unfinished = _TYPES.setdefault(wire, ({}, UnfinishedModels()))
    if (reference := unfinished.reference(hint)) is not None:
        return reference
    if (known := types.get(hint)) is not None:
        return known
    cls = get_origin(hint) or hint
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        types[hint] = unfinished.made(hint, lambda: _model(hint, wire))
        return types[hint]
    if isinstance(cls, type) and is_dataclass(cls):
        return _dto(hint, cls, wire)
    if isinstance(hint, TypeAliasType):
        return _aliased(hint, wire)
    made: Any = inside(hint, lambda part: client_type(part, wire))
    if not unfinished:
        types[hint] = made
    return made


def _aliased(alias: TypeAliasType, wire: Wire) -> Any:
    """Return what an alias is for clients; itself if no class in it has fields. It may contain itself then, as JSON does."""
    if not any(is_dataclass(cls) or issubclass(cls, BaseModel) for cls in classes_in(alias)):
        return alias
    if alias in _ALIASES:
        raise ProgrammingError(
            f"The type {alias} contains itself, and a class in it has other names for clients. Write a class in its place."
        )
    _ALIASES.add(alias)
    try:
        return client_type(alias.__value__, wire)
    finally:
        _ALIASES.remove(alias)


_ALIASES: Final = set[TypeAliasType]()
"""Those that are being read."""
_TYPES: Final[dict[Wire, tuple[dict[Any, Any], UnfinishedModels]]] = {}
"""The types that clients see, and the models that are being made, by how names are written."""


def _model(model: type[BaseModel], wire: Wire) -> type[BaseModel]:
    model.model_rebuild()  # or a class that is defined below has no type yet
    found = {name: field for name, field in model.model_fields.items() if field.alias is None}
    _refuse_twins(model, [wire(name) for name in found], [field.alias for field in model.model_fields.values() if field.alias])
    hints = get_type_hints(model, include_extras=True)
    nested = {name: client_type(hints[name], wire) for name in model.model_fields if client_type(hints[name], wire) != hints[name]}

    def members(namespace: dict[str, Any]) -> None:
        namespace |= {
            "__module__": model.__module__,
            "__qualname__": model.__qualname__,
            "__doc__": model.__doc__,
            "__annotations__": nested,
        }
        namespace |= {name: model.model_fields[name] for name in nested if not model.model_fields[name].is_required()}

    return new_class(model.__name__, (model,), {"alias_generator": wire}, members)


def _dto(hint: Any, cls: Any, wire: Wire) -> type:
    arguments = get_args(hint)
    given = arguments_of(cls, arguments)
    hints = get_type_hints(cls, include_extras=True)
    _refuse_twins(cls, [wire(one.name) for one in fields(cls)], ())
    made: list[Any] = []
    for one in fields(cls):
        default: Any = dataclass_field(default=one.default) if one.default is not MISSING else dataclass_field()
        if one.default_factory is not MISSING:
            default = dataclass_field(default_factory=one.default_factory)
        made.append((wire(one.name), Any, default))
    name = "_".join([cls.__name__, *(getattr(one, "__name__", "") for one in arguments)]) + "_" * bool(arguments)
    seen = make_dataclass(name, made, frozen=True, kw_only=True, namespace={"__doc__": cls.__doc__}, module=cls.__module__)
    _TYPES[wire][0][hint] = seen  # before the types of its fields: a class may contain itself
    set_types(seen, {wire(one.name): client_type(with_arguments(hints[one.name], given), wire) for one in fields(cls)})
    return seen


def _refuse_twins(cls: type, made: Sequence[str], own: Sequence[str]) -> None:
    names = [*made, *own]
    for twin in [name for name in names if names.count(name) > 1][:1]:
        raise ProgrammingError(f"Two fields of {cls.__name__} have the name {twin!r} for clients. Rename one of them.")


@cache
def _names(cls: type, wire: Wire) -> Sequence[tuple[str, str]]:
    return [(one.name, wire(one.name)) for one in fields(cls) if not (cls is Page and one.name in ("cursors", "total"))]


def sent(value: Any, wire: Wire) -> Any:
    """Return a result as it is encoded: objects of DTOs with the other names."""
    if is_dataclass(value) and not isinstance(value, type):
        content = {name: sent(getattr(value, own), wire) for own, name in _names(type(value), wire)}
        return content if not isinstance(value, Page) or value.total is None else content | {"total": value.total}
    if isinstance(value, Mapping):
        return {name: sent(one, wire) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [sent(one, wire) for one in value]
    return value


def _located(error: Invalid, wire: Wire, body: type[BaseModel] | None) -> Invalid:
    """Return what the function refuses with the other names in the pointers into the body, which `body` validated."""
    return Invalid([Violation(_pointer(one.pointer, wire, body), one.code, one.message) for one in error.violations])


def _pointer(pointer: str, wire: Wire, body: type[BaseModel] | None) -> str:
    _, *steps = pointer.split("/")
    if not steps or steps[0] in _PARTS:
        return pointer
    before = ["body"] if steps[0] == "body" else []
    models: tuple[type[BaseModel], ...] = () if body is None else (body,)
    found = list[str]()
    for step in steps[len(before) :]:
        members = {name: field for model in models for name, field in model.model_fields.items()}
        if step in members:
            found.append(members[step].alias or wire(step))
            models = models_in(members[step].annotation)
        else:
            found.append(wire(step) if body is None and not found else step)
            aliases = {field.alias: field for field in members.values()}
            models = models_in(aliases[step].annotation) if step in aliases else models if step.isdigit() else ()
    return "/".join(["", *before, *found])
