"""Unknown members of a large body, counted before pydantic makes an error of each: a million errors take seconds and a gigabyte."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from api_base.core.errors import Invalid
from api_base.interface.errors.problem import pointer

MAX_UNKNOWN: Final = 20
"""Unknown members of one object that are reported each."""


type Models = tuple[type[BaseModel], ...]


def refuse_many(document: object, model: type[BaseModel]) -> None:
    """Raise `Invalid` at the first object that has more than `MAX_UNKNOWN` members that `model`, or a model in it, does not have."""
    _walk(document, models_in(model), ("body",))


def _walk(value: object, models: Models, path: tuple[str, ...]) -> None:
    if not models:
        return
    if isinstance(value, list):
        for position, one in enumerate(value):
            _walk(one, models, (*path, str(position)))
    elif isinstance(value, dict):
        members = _members(models)
        if len(value) > len(members) + MAX_UNKNOWN:
            raise Invalid.of(pointer(*path), "too_many", f"has more than {MAX_UNKNOWN} members that are not known fields")
        for name in value.keys() & members.keys():
            _walk(value[name], members[name], (*path, name))


@cache
def _members(models: Models) -> Mapping[str, Models]:
    """The members of any of `models`, with the models of their values."""
    found: dict[str, Models] = {}
    for model in models:
        for name, field in model.model_fields.items():
            found[field.alias or name] = (*found.get(field.alias or name, ()), *models_in(field.annotation))
    return found


def models_in(hint: Any) -> Models:
    """Return the models in `hint`; none if an object in its place may have any members."""
    found = list(_classes(hint))
    models = tuple(cls for cls in found if issubclass(cls, BaseModel) and cls.model_config.get("extra") == "forbid")
    return models if len(models) == len(found) else ()


def _classes(hint: Any) -> Iterator[type]:
    """The models and the mappings in `hint`."""
    cls = get_origin(hint) or hint
    if isinstance(cls, type) and issubclass(cls, BaseModel | Mapping):
        yield cls
    else:
        for part in get_args(hint):
            yield from _classes(part)
