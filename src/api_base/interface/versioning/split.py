"""`Split`: one text became several fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from api_base.application.common.listing import Field, Sort
from api_base.core.shared.signatures import positional, takes
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification
from api_base.interface.list_values import value_of
from api_base.interface.routes.single_values import nullable
from api_base.interface.versioning.changes import Change, Comparison, Values, refusing

_EQ: Final = ComparisonOperator.EQ


@dataclass(frozen=True, slots=True)
class Split(Change):
    """The text `was` became several fields: `split` returns their values of it, `joined` returns the text of them, given by name.

    The text is null where all of them are; neither function is called then. Lists of the older version compare it by `eq`, and sort by the fields
    in their order. `split` raises `ValueError` with what is wrong with a text.
    """

    was: str
    now: Sequence[str]
    split: Callable[[str], Values]
    joined: Callable[..., str]

    @property
    def newer(self) -> Sequence[str]:
        return self.now

    @property
    def older(self) -> Sequence[str]:
        return (self.was,)

    def types(self, newer: Mapping[str, Any]) -> Mapping[str, Any]:
        return {self.was: str | None if all(nullable(newer[name]) for name in self.now) else str}

    def mistake(self, newer: Mapping[str, Any]) -> str | None:
        if not takes(self.split, ""):
            return "has a split that does not take one text"
        if not takes(self.joined, **dict.fromkeys(self.now)):
            return f"has a joined that does not take {' and '.join(self.now)} by name"
        return None

    def shown(self, newer: Values) -> Values:
        return {self.was: self.maker(self.was)(*(newer[name] for name in self.now))}

    def maker(self, name: str) -> Callable[..., Any]:
        joined, names, nothing = self.joined, list(self.now), (None,) * len(self.now)
        if positional(joined) == names:  # each result of a page calls it: without names it takes half the time
            return lambda *values: joined(*values) if values != nothing else None
        return lambda *values: joined(**dict(zip(names, values, strict=True))) if values != nothing else None

    def asked(self, older: Values, newer: Mapping[str, Any]) -> Values:
        if older[self.was] is None:
            return dict.fromkeys(self.now)
        with refusing(self.now[0]):
            return self.split(older[self.was])

    def located(self, steps: Sequence[str]) -> list[str]:
        return [self.was]

    def fields(self, declared: Sequence[Field]) -> list[Field]:
        parts = {one.name: one for one in declared if one.name in self.now}
        if len(parts) < len(self.now):
            return Change.fields(self, declared)
        compared = all(_EQ in one.operators for one in parts.values())
        made = Field(
            name=self.was,
            kind=str,
            operators=frozenset({_EQ} if compared else ()),
            sortable=all(one.sortable for one in parts.values()),
        )
        return [made if one.name == self.now[0] else one for one in declared if one.name not in self.now[1:]]

    def comparisons(self, one: Comparison, newer: Mapping[str, Field]) -> Sequence[Comparison]:
        if one.field != self.was:
            return [one]
        with refusing("query", self.was):
            found = self.split(one.value)
            return [_comparison(newer[name], found[name]) for name in self.now if name in found]

    def sorts(self, one: Sort) -> Sequence[Sort]:
        return [replace(one, field=name) for name in self.now] if one.field == self.was else [one]


def _comparison(field: Field, value: Any) -> Comparison:
    if value is None:
        return FieldSpecification(field.name, ComparisonOperator.IS_NULL, True)
    return FieldSpecification(field.name, _EQ, value_of(field, value) if isinstance(value, str) else value)
