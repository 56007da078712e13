"""The fields of a class before a change."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from dataclasses import field as dataclass_field
from typing import Any

from pydantic.fields import FieldInfo

from api_base.interface.versioning.changes import Change

type Body = Mapping[str, tuple[Any, FieldInfo]]
"""The types and the fields of a body, by name."""


def reshaped[T](
    change: Change, shape: Mapping[str, tuple[Any, T]], made: Callable[[Any, T], tuple[Any, Any]]
) -> dict[str, tuple[Any, Any]]:
    """Return the fields of a class before a change: the older ones have the place of the first newer one."""
    types = change.types({name: shape[name][0] for name in change.newer})
    kept = shape[change.newer[0]][1]
    found: dict[str, tuple[Any, Any]] = {}
    for name, one in shape.items():
        if name == change.newer[0]:
            found |= {
                older: (shape[name] if len(types) == len(change.newer) == 1 and hint is shape[name][0] else made(hint, kept))
                for older, hint in types.items()
            }
        elif name not in change.newer:
            found[name] = one
    return found


def of_dto(change: Change, shape: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Return the fields of a dataclass before a change. What is made of others has no default."""
    return reshaped(change, shape, lambda hint, _: (hint, None))


def of_body(change: Change, shape: Body) -> Body:
    """Return the fields of a body before a change. An older field may be left out if the newer one may, whose default then counts."""
    return reshaped(
        change, shape, lambda hint, one: (hint, FieldInfo(**_described(hint, one)) if one.is_required() else _optional(hint, one))
    )


def of_both(change: Change, shape: Body) -> Body:
    """Return the fields of a body with the older ones beside the newer ones: clients send either."""
    either = {name: shape[name] for name in change.newer} | {name: one for name, one in of_body(change, shape).items() if name not in shape}
    return {**shape, **{name: (hint, _optional(hint, one)) for name, (hint, one) in either.items()}}


def _described(hint: Any, one: FieldInfo) -> dict[str, Any]:
    return {"annotation": hint, "description": one.description}


def _optional(hint: Any, one: FieldInfo) -> FieldInfo:
    return FieldInfo(**_described(hint, one), default_factory=lambda: None)


def dto_default(one: Any) -> Any:
    """Return the field of a dataclass with the default of another one, if that has one."""
    if one is None or (one.default is MISSING and one.default_factory is MISSING):
        return dataclass_field()
    return dataclass_field(default_factory=one.default_factory) if one.default is MISSING else dataclass_field(default=one.default)
