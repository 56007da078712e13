"""Pointers into a body of the newest shape as pointers into one of an older shape."""

from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from api_base.core.errors import Invalid
from api_base.interface.routes.single_values import plain_type
from api_base.interface.versioning.changes import Change, located

_PARTS: Final = frozenset({"query", "path", "header", "cookie"})

type ChangesOf = Callable[[type], Sequence[Change]]
"""Returns the changes of a class, the newest first."""


def older_violations(error: Invalid, body: Any, changes_of: ChangesOf) -> Invalid:
    """Return the same violations, at what the older shape of `body`, the type of the newest one, has in their place."""
    return error.moved(lambda own: older_pointer(own, body, changes_of))


def older_pointer(pointer: str, body: Any, changes_of: ChangesOf) -> str:
    """Return a pointer into a request of the newest shape as one of the older shape. `body` is the type of its body, None without one."""
    _, *steps = pointer.split("/")
    if not steps or steps[0] in _PARTS or body is None:
        return pointer
    before = steps[:1] if steps[0] == "body" else []
    return "/".join(["", *before, *_steps(steps[len(before) :], _alternatives(body), changes_of)])


def _steps(steps: Sequence[str], hints: Sequence[Any], changes_of: ChangesOf) -> Sequence[str]:
    if not steps or not hints:
        return steps
    step, rest = steps[0], steps[1:]
    owner = _owner(step, hints)
    if owner is None and (members := [one for hint in hints for one in _members(step, hint)]):
        return [step, *_steps(rest, members, changes_of)]
    if owner is None:  # the errors of a batch leave out a level: the field of the operation that has the values
        models = [hint for hint in hints if _is_model(hint)]
        owner = _owner(step, [one for model in models for field in model.model_fields.values() for one in _alternatives(field.annotation)])
    if owner is None:
        return steps
    inner = _alternatives(owner.model_fields[step].annotation)
    return located(changes_of(owner), [step, *_steps(rest, inner, changes_of)])


def _owner(step: str, hints: Sequence[Any]) -> type[BaseModel] | None:
    return next((one for one in hints if _is_model(one) and step in one.model_fields), None)


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _alternatives(hint: Any) -> list[Any]:
    """Return the types that a value may have: those of a union, or the one."""
    hint = plain_type(hint)
    if get_origin(hint) in (Union, UnionType):
        return [one for part in get_args(hint) for one in _alternatives(part)]
    if isinstance(hint, type) and issubclass(hint, RootModel):
        return _alternatives(hint.model_fields["root"].annotation)
    return [hint]


def _members(step: str, hint: Any) -> list[Any]:
    """Return the types of what a step leads to within a collection; none within another type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if not isinstance(origin, type) or not arguments:
        return []
    if issubclass(origin, Mapping):
        return _alternatives(arguments[1])
    return _alternatives(arguments[0]) if step.isdigit() else []
