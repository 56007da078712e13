"""How what a client of an older version sent becomes the newest body."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from api_base.core.errors import Invalid
from api_base.interface.errors.handlers import invalid_of
from api_base.interface.errors.problem import pointer
from api_base.interface.versioning.changes import Change, located


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderBody:
    """How a body with the fields `names` becomes one of `cls`. `changes` are the oldest first, each with the types of its newer fields.

    `nested` are the fields that have converted values, `inexact` those whose values are shown for several newer ones, with the newest fields.
    """

    cls: type[BaseModel]
    names: Sequence[str]
    changes: Sequence[tuple[Change, Mapping[str, Any]]]
    nested: Sequence[str]
    inexact: Mapping[str, Collection[str]] = field(init=False)

    def __post_init__(self) -> None:
        traced = {name: self._traced(name) for name in self.names}
        object.__setattr__(self, "inexact", {name: newest for name, (newest, exact) in traced.items() if not exact})

    def _traced(self, name: str) -> tuple[Collection[str], bool]:
        """Return the newest fields that a field became, and whether each value of it is shown for one newest value only."""
        now, exact = {name}, True
        for change, newer in self.changes:
            if now & {*change.older}:
                now = now - {*change.older} | {*change.newer}
                exact = exact and change.exact(newer)
        return now, exact

    def newest(self, sent: dict[str, Any], path: Sequence[str], *, either: bool) -> BaseModel:
        """Return the newest body of the fields that were sent. `either`: the older fields are beside the newer ones.

        Raises `Invalid` with pointers to what was sent, below `path`.
        """
        made = list[Change]()  # the newest first
        try:
            for change, newer in self.changes:
                given = {name: sent.pop(name) for name in change.older if name in sent}
                if given or not either:
                    made.insert(0, change)
                if given:
                    _add(change, given, sent, newer)
            return self.cls.model_validate(sent, strict=False, by_name=True)
        except ValidationError as error:
            raise _at(path, invalid_of(error), made) from None
        except Invalid as error:
            raise _at(path, error, made) from None


def _add(change: Change, given: Mapping[str, Any], sent: dict[str, Any], newer: Mapping[str, Any]) -> None:
    """Add the newer values of older ones to what was sent."""
    found = change.asked(given, newer)
    if twice := [name for name in found if name in sent]:
        older = next(iter(given))
        raise Invalid.of(pointer(older), "twice", f"is the older form of {twice[0]}, which was sent as well. Send {twice[0]} only")
    sent |= found


def _at(path: Sequence[str], error: Invalid, changes: Sequence[Change]) -> Invalid:
    """Return what is wrong with an object at `path`, with pointers to the fields that it had before `changes`, the newest first."""
    return error.moved(lambda own: "".join([pointer(*path), *(f"/{step}" for step in located(changes, own.split("/")[1:]))]))
