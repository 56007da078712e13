"""Specifications: business rules that combine [Evans and Fowler, Specifications], evaluated alike in Python and in SQL.

Logic has two values: a comparison with an absent (None) value is false, and its negation is true. Text compares by code point;
`contains` and `starts_with` match their text literally; `contains` on a list tests membership.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from api_base.core.errors import ApiBaseError
from api_base.domain.common import comparable
from api_base.domain.common.comparable import Kind


class UnknownField(ApiBaseError):
    """A specification names a field that the candidate does not have."""

    def __init__(self, field: str, known: Sequence[str] = ()) -> None:
        super().__init__(f"The field {field!r} does not exist." + (f" Known fields: {', '.join(sorted(known))}." if known else ""))
        self.field = field


class IncomparableValue(ApiBaseError):
    """The operator cannot compare the field with the given value."""


class Specification[T](ABC):
    """A rule that a candidate satisfies or not. Combine rules with `and_spec`, `or_spec`, `not_spec`, or `&`, `|`, `~`."""

    __slots__ = ()

    @abstractmethod
    def is_satisfied_by(self, candidate: T) -> bool:
        """Whether `candidate` satisfies the rule. Raises `UnknownField`, `IncomparableValue`."""
        ...

    def and_spec(self, other: "Specification[T]") -> "Specification[T]":
        """Both rules; also written `&`."""
        return AndSpecification(self, other)

    def or_spec(self, other: "Specification[T]") -> "Specification[T]":
        """Either rule, or both; also written `|`."""
        return OrSpecification(self, other)

    def not_spec(self) -> "Specification[T]":
        """The opposite rule; also written `~`."""
        return NotSpecification(self)

    __and__ = and_spec
    __or__ = or_spec
    __invert__ = not_spec


@dataclass(frozen=True, slots=True)
class AndSpecification[T](Specification[T]):
    """Satisfied if both are. `right` is not evaluated if `left` fails."""

    left: Specification[T]
    right: Specification[T]

    def is_satisfied_by(self, candidate: T) -> bool:
        return self.left.is_satisfied_by(candidate) and self.right.is_satisfied_by(candidate)


@dataclass(frozen=True, slots=True)
class OrSpecification[T](Specification[T]):
    """Satisfied if either is. `right` is not evaluated if `left` succeeds."""

    left: Specification[T]
    right: Specification[T]

    def is_satisfied_by(self, candidate: T) -> bool:
        return self.left.is_satisfied_by(candidate) or self.right.is_satisfied_by(candidate)


@dataclass(frozen=True, slots=True)
class NotSpecification[T](Specification[T]):
    """Satisfied if `inner` is not."""

    inner: Specification[T]

    def is_satisfied_by(self, candidate: T) -> bool:
        return not self.inner.is_satisfied_by(candidate)


class ComparisonOperator(Enum):
    """The ten comparison operators. The values are their names in a query string (`?price[ge]=10`)."""

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
_TEXTUAL: Final = frozenset({ComparisonOperator.CONTAINS, ComparisonOperator.STARTS_WITH})


@dataclass(frozen=True, slots=True)
class FieldSpecification[T](Specification[T]):
    """Compares one field. `field` may be dotted (`price.amount`); None anywhere on the path makes the value None.

    `value` is text, a number, a time with its time zone, a date, a UUID or a member of an enumeration (stored as its value); a sequence
    of these for `in`; a bool for `is_null`. The constructor raises `IncomparableValue` for a value that `operator` cannot compare with;
    evaluation raises it for a field of another kind, and `UnknownField` if the candidate lacks the field. `ne` is false for a field that
    is None, as every comparison is; `~` of `eq` is true for it.
    """

    field: str
    operator: ComparisonOperator
    value: Any

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "value", comparable.plain(self.value))
            problem = _problem(self.operator, self.value)
        except OverflowError:
            problem = "cannot compare with a time before the year 1 or after 9999"
        if problem:
            raise IncomparableValue(f"{self.field}: {self.operator.value} {problem}.")

    def is_satisfied_by(self, candidate: T) -> bool:
        value = _path(self.field)(candidate)
        if self.operator is ComparisonOperator.IS_NULL:
            return (value is None) is self.value
        if value is None:
            return False
        if isinstance(value, Enum):
            value = value.value
        self.check(comparable.kind(value))
        return _COMPARE[self.operator](value, self.value)

    def check(self, kind: Kind | None) -> None:
        """Raise `IncomparableValue` if a field of this kind cannot be compared with the value by this operator."""
        if not _applies(self.operator, kind, self.value):
            holds = "a value that cannot be compared" if kind is None else kind.value
            raise IncomparableValue(f"{self.field} holds {holds}: {self.operator.value} cannot compare it with {self.value!r}.")


def _problem(operator: ComparisonOperator, value: Any) -> str | None:
    """What is wrong with `value` for any field, or None."""
    if operator is ComparisonOperator.IS_NULL:
        return None if isinstance(value, bool) else "takes true or false"
    if operator is ComparisonOperator.IN:
        if not isinstance(value, tuple):
            return "takes a list of values"
        return next((problem for member in value if (problem := _problem(ComparisonOperator.EQ, member))), None)
    if value is None:
        return "cannot compare with null; use is_null"
    if operator in _TEXTUAL and not isinstance(value, str):
        return "takes text"
    return comparable.refusal(value)


def _applies(operator: ComparisonOperator, kind: Kind | None, value: Any) -> bool:
    if operator is ComparisonOperator.IS_NULL:
        return True
    if kind is Kind.LIST:
        return operator is ComparisonOperator.CONTAINS
    members = value if operator is ComparisonOperator.IN else (value,)
    if operator in _TEXTUAL:
        return kind is Kind.TEXT
    return kind is not None and all(comparable.compare_with_each_other(kind, comparable.kind(member)) for member in members)


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
