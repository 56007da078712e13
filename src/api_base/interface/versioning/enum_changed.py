"""`EnumChanged`: the values of a field are others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from inspect import isclass
from typing import Any, Final, Literal, get_args, get_origin

from api_base.application.common.listing import EQUALITY, Field, Sort
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification
from api_base.interface.routes.single_values import nullable, optional
from api_base.interface.versioning.changes import Change, Comparison, Values

_Op: Final = ComparisonOperator


@dataclass(frozen=True, slots=True)
class EnumChanged(Change):
    """The values of `name` are others. `type` is the older type, `values` maps each newer value to the older one that clients see.

    Several newer values may be one older value: of what a client sends, the value of the same name is stored, or else the first of them. Values that
    did not change are left out.
    """

    name: str
    type: Any
    values: Mapping[str, str]

    @property
    def newer(self) -> Sequence[str]:
        return (self.name,)

    older = newer

    def types(self, newer: Mapping[str, Any]) -> Mapping[str, Any]:
        return {self.name: self.type | None if nullable(newer[self.name]) else self.type}

    def mistake(self, newer: Mapping[str, Any]) -> str | None:
        now, before = _choices(newer[self.name]), _choices(self.type)
        if not now and optional(newer[self.name]) is not str:
            return "is of an Enum, a Literal or a text, and the field is none of them; use Replaced"
        if now and (unknown := [value for value in self.values if value not in now]):
            return f"maps {unknown[0]!r}, but its values since then are {', '.join(now)}"
        if before and (unknown := [shown for shown in self.values.values() if shown not in before]):
            return f"maps a value to {unknown[0]!r}, but its values before are {', '.join(before)}"
        if now and before and (left := [value for value in now if value not in {*self.values, *before}]):
            return f"maps {left[0]!r} to none of its values before, which are {', '.join(before)}"
        return None

    def shown(self, newer: Values) -> Values:
        value = _plain(newer[self.name])
        return {self.name: self.values.get(value, value)}

    def exact(self, newer: Mapping[str, Any]) -> bool:
        shown = [self.values.get(value, value) for value in _choices(newer[self.name])]
        return bool(shown) and len({*shown}) == len(shown)

    def maker(self, name: str) -> Callable[..., Any]:
        get = self.values.get
        return lambda value: get(value, value) if isinstance(value, str) else get(_plain(value), _plain(value))

    def asked(self, older: Values, newer: Mapping[str, Any]) -> Values:
        return {self.name: self._stored(_plain(older[self.name]), _choices(newer[self.name]))[0]}

    def fields(self, declared: Sequence[Field]) -> list[Field]:
        return [self._older(one) if one.name == self.name else one for one in declared]

    def comparisons(self, one: Comparison, newer: Mapping[str, Field]) -> Sequence[Comparison]:
        if one.field != self.name or one.operator is _Op.IS_NULL:
            return [one]
        asked = one.value if one.operator is _Op.IN else [one.value]
        stored = [value for value in asked for value in self._stored(value, newer[self.name].choices)]
        if one.operator is _Op.NE:
            return [FieldSpecification(one.field, _Op.NE, value) for value in stored]
        return [FieldSpecification(one.field, _Op.IN, stored) if len(stored) > 1 else FieldSpecification(one.field, _Op.EQ, stored[0])]

    def sorts(self, one: Sort) -> Sequence[Sort]:
        if one.field != self.name:
            return [one]
        older = dict(one.shown)  # what a still older version shows
        shown = older | {newer: older.get(value, value) for newer, value in self.values.items()}
        return [replace(one, shown=tuple(shown.items()))]

    def _older(self, one: Field) -> Field:
        shown = tuple(dict.fromkeys(self.values.get(value, value) for value in one.choices))
        return replace(one, operators=one.operators & (EQUALITY | {_Op.IS_NULL}), choices=shown)

    def _stored(self, older: Any, since: Sequence[str]) -> list[Any]:
        """Return the newer values that are shown as an older one, that which is stored first. `since` are all newer ones; none for a text."""
        mapped = [newer for newer, shown in self.values.items() if shown == older]
        if older in mapped or older in self.values or (since and older not in since):
            return sorted(mapped, key=lambda newer: newer != older) or [older]
        return [older, *mapped] if since else [*mapped, older]


def _choices(hint: Any) -> Sequence[str]:
    """Return the texts that are the values of an Enum or a Literal; none of another type."""
    found = optional(hint)
    if get_origin(found) is Literal:
        return [value for value in get_args(found) if isinstance(value, str)]
    return [str(one.value) for one in found] if isclass(found) and issubclass(found, Enum) else []


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
