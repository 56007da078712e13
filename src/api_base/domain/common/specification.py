"""Specifications: business rules that combine [Evans and Fowler, Specifications], in Python and in SQL alike.

Logic has two values: a comparison with an absent (None) value is false, and so its negation is true. Text compares by code
point; `contains` and `starts_with` take their text literally; `contains` on a list asks for a member.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final
from uuid import UUID

from api_base.core.errors import ApiBaseError


class UnknownField(ApiBaseError):
    """A specification speaks of a field that the candidate does not have."""

    def __init__(self, field: str, known: Sequence[str] = ()) -> None:
        super().__init__(f"There is no field {field!r}." + (f" Known are {', '.join(sorted(known))}." if known else ""))
        self.field = field


class IncomparableValue(ApiBaseError):
    """An operator was given a value that it cannot compare with."""


class Specification[T](ABC):
    """A rule that a candidate fulfils or not. Combine with `and_spec`, `or_spec`, `not_spec`, or `&`, `|`, `~`."""

    __slots__ = ()

    @abstractmethod
    def is_satisfied_by(self, candidate: T) -> bool: ...

    def and_spec(self, other: "Specification[T]") -> "Specification[T]":
        return AndSpecification(self, other)

    def or_spec(self, other: "Specification[T]") -> "Specification[T]":
        return OrSpecification(self, other)

    def not_spec(self) -> "Specification[T]":
        return NotSpecification(self)

    __and__ = and_spec
    __or__ = or_spec
    __invert__ = not_spec


@dataclass(frozen=True, slots=True)
class AndSpecification[T](Specification[T]):
    left: Specification[T]
    right: Specification[T]

    def is_satisfied_by(self, candidate: T) -> bool:
        return self.left.is_satisfied_by(candidate) and self.right.is_satisfied_by(candidate)


@dataclass(frozen=True, slots=True)
class OrSpecification[T](Specification[T]):
    left: Specification[T]
    right: Specification[T]

    def is_satisfied_by(self, candidate: T) -> bool:
        return self.left.is_satisfied_by(candidate) or self.right.is_satisfied_by(candidate)


@dataclass(frozen=True, slots=True)
class NotSpecification[T](Specification[T]):
    inner: Specification[T]

    def is_satisfied_by(self, candidate: T) -> bool:
        return not self.inner.is_satisfied_by(candidate)


class ComparisonOperator(Enum):
    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    IN = "in"
    IS_NULL = "is_null"


_COMPARE: Final[dict[ComparisonOperator, Callable[[Any, Any], bool]]] = {
    ComparisonOperator.EQ: operator.eq,
    ComparisonOperator.NE: operator.ne,
    ComparisonOperator.GT: operator.gt,
    ComparisonOperator.GE: operator.ge,
    ComparisonOperator.LT: operator.lt,
    ComparisonOperator.LE: operator.le,
    ComparisonOperator.CONTAINS: lambda value, part: part in value,
    ComparisonOperator.STARTS_WITH: lambda value, prefix: value.startswith(prefix),
    ComparisonOperator.IN: lambda value, members: value in members,
}


@dataclass(frozen=True, slots=True)
class FieldSpecification[T](Specification[T]):
    """Compares one field. `field` may be dotted (`price.amount`); None anywhere on the way makes the value None.

    Raises `IncomparableValue` at once for a value that `operator` cannot compare with, and `UnknownField` when a candidate
    does not have the field. `ne` is a comparison like the others: false where the field is None; `~` of `eq` is true there.
    """

    field: str
    operator: ComparisonOperator
    value: Any

    def __post_init__(self) -> None:
        problem = _problem(self.operator, self.value)
        if problem:
            raise IncomparableValue(f"{self.field}: {problem}")
        if self.operator is ComparisonOperator.IN:
            object.__setattr__(self, "value", tuple(self.value))

    def is_satisfied_by(self, candidate: T) -> bool:
        value = _path(self.field)(candidate)
        if self.operator is ComparisonOperator.IS_NULL:
            return (value is None) is self.value
        if value is None:
            return False
        try:
            return _COMPARE[self.operator](value, self.value)
        except TypeError:
            raise IncomparableValue(f"{self.field}: {value!r} cannot be compared by {self.operator.value} with {self.value!r}") from None


def _problem(operator: ComparisonOperator, value: Any) -> str | None:
    if operator is ComparisonOperator.IS_NULL:
        return None if isinstance(value, bool) else "is_null takes true or false"
    if operator is ComparisonOperator.IN:
        if isinstance(value, str) or not isinstance(value, Sequence):
            return "in takes a list of values"
        return "in cannot look for null; use is_null" if None in value else None
    if value is None:
        return f"{operator.value} cannot compare with null; use is_null"
    if operator in (ComparisonOperator.CONTAINS, ComparisonOperator.STARTS_WITH):
        return None if isinstance(value, str) else f"{operator.value} takes text"
    return None if isinstance(value, _Comparable) else f"{operator.value} cannot compare with {type(value).__name__}"


_Comparable: Final = str | int | Decimal | date | datetime | UUID | Enum


@cache
def _path(field: str) -> Callable[[Any], Any]:
    names = field.split(".")

    def read(candidate: Any) -> Any:
        for name in names:
            if candidate is None:
                return None
            try:
                candidate = getattr(candidate, name)
            except AttributeError:
                raise UnknownField(field) from None
        return candidate

    return read
