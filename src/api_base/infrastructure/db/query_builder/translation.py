"""Translate a specification to a WHERE clause that selects the same rows as `is_satisfied_by`.

Values are always parameters, so that one statement serves all specifications of one shape; `shape` is its key. The clause uses only leakproof
operators, because others cannot use an index under row-level security. A prefix is therefore written as a range.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.domain.common.comparable import Kind, kind_of
from api_base.domain.common.specification import (
    AndSpecification,
    ComparisonOperator,
    FieldSpecification,
    NotSpecification,
    OrSpecification,
    Specification,
    UnknownField,
)

type Columns = Mapping[str, sa.ColumnElement[Any]]
type Clause = sa.ColumnElement[bool]

_Op = ComparisonOperator


@dataclass(frozen=True, slots=True)
class Translation:
    """`shape` identifies the statement; `values` are its parameters by name; `clause()` builds the SQL, once per shape."""

    shape: Hashable
    values: dict[str, Any]
    clause: Callable[[], Clause]


def translate(specification: Specification[Any], columns: Columns, *, leading: str | None = None) -> Translation:
    """Return the clause of `specification`. An equality on the field `leading`, which leads the order, is written as a range of one value:
    PostgreSQL drops a field with an equality from the order, and might then scan another index and filter by it.

    Raises `UnknownField` for a field that is not in `columns`, and `IncomparableValue` in the same cases as the evaluation in Python."""
    values: dict[str, Any] = {}
    shape = _shape(specification, columns, values)
    return Translation(shape, values, lambda: _clause(specification, columns, _Names(leading)))


def _shape(specification: Specification[Any], columns: Columns, values: dict[str, Any]) -> Hashable:
    match specification:
        case AndSpecification(left, right):
            return "and", _shape(left, columns, values), _shape(right, columns, values)
        case OrSpecification(left, right):
            return "or", _shape(left, columns, values), _shape(right, columns, values)
        case NotSpecification(inner):
            return "not", _shape(inner, columns, values)
        case FieldSpecification(field, operator, value):
            if field not in columns:
                raise UnknownField(field, tuple(columns))
            specification.check(column_kind(columns[field]))
            for bound in _bound(operator, value):
                values[f"v{len(values)}"] = bound
            return field, operator, value if operator is _Op.IS_NULL else _variant(operator, value)
    raise TypeError(f"{type(specification).__name__} has no translation to SQL: combine FieldSpecifications")


def _bound(operator: ComparisonOperator, value: Any) -> tuple[Any, ...]:
    """The parameters of one comparison."""
    if operator is _Op.IS_NULL:
        return ()
    if operator is _Op.IN:
        return (list(value),)
    if operator is _Op.STARTS_WITH:
        end = prefix_end(value)
        return (value,) if end is None else (value, end)
    return (value,)


def _variant(operator: ComparisonOperator, value: Any) -> Hashable:
    return prefix_end(value) is None if operator is _Op.STARTS_WITH else None


def prefix_end(prefix: str) -> str | None:
    """The smallest text that is greater than every text with this prefix, or None if there is none.

    >>> prefix_end("ab")
    'ac'
    """
    while prefix:
        following = ord(prefix[-1]) + 1
        if following == 0xD800:
            following = 0xE000  # surrogates are not characters
        if following <= 0x10FFFF:
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None


class _Names:
    """Parameter names in the order in which `_shape` assigned their values."""

    def __init__(self, leading: str | None) -> None:
        self.leading = leading
        self._next = 0

    def bind(self, column: sa.ColumnElement[Any], *, many: bool = False) -> sa.BindParameter[Any]:
        name, self._next = f"v{self._next}", self._next + 1
        kind = bind_type(column)
        return sa.bindparam(name, type_=ARRAY(kind) if many else kind)


_BIND: Final[dict[Kind, sa.types.TypeEngine[Any]]] = {
    Kind.TEXT: sa.Text(),
    Kind.BOOLEAN: sa.Boolean(),
    Kind.INTEGER: sa.BigInteger(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.TIME: sa.DateTime(timezone=True),
    Kind.DATE: sa.Date(),
    Kind.UUID: sa.Uuid(),
    Kind.LIST: sa.Text(),
}


def bind_type(column: sa.ColumnElement[Any]) -> sa.types.TypeEngine[Any]:
    """The widest type of the column's kind: a cast to the column's own type could truncate, round or refuse the value."""
    kind = column_kind(column)
    return column.type if kind is None else _BIND[kind]


def column_kind(column: sa.ColumnElement[Any]) -> Kind | None:
    """The kind of the column's values, or None if specifications do not compare them."""
    kind = column.type
    if isinstance(kind, sa.DateTime) and not kind.timezone:
        return None
    if isinstance(kind, ARRAY) and not isinstance(kind.item_type, sa.String):
        return None
    try:
        return kind_of(kind.python_type)
    except NotImplementedError:  # SQLAlchemy raises it for a type without a Python type
        return None


def _clause(specification: Specification[Any], columns: Columns, names: _Names) -> Clause:
    match specification:
        case AndSpecification(left, right):
            return sa.and_(_clause(left, columns, names), _clause(right, columns, names))
        case OrSpecification(left, right):
            return sa.or_(_clause(left, columns, names), _clause(right, columns, names))
        case NotSpecification(inner):
            return _clause(inner, columns, names).is_not(sa.true())
        case FieldSpecification(field, operator, value):
            if operator is _Op.EQ and field == names.leading:
                one = names.bind(columns[field])
                return columns[field].between(one, one)
            return _comparison(columns[field], operator, value, names)
    raise TypeError(f"{type(specification).__name__} has no translation to SQL")


_SIMPLE: Final[dict[ComparisonOperator, Callable[[Any, Any], Clause]]] = {
    _Op.EQ: lambda column, value: column == value,
    _Op.NE: lambda column, value: column != value,
    _Op.GT: lambda column, value: column > value,
    _Op.GE: lambda column, value: column >= value,
    _Op.LT: lambda column, value: column < value,
    _Op.LE: lambda column, value: column <= value,
}


def _comparison(column: sa.ColumnElement[Any], operator: ComparisonOperator, value: Any, names: _Names) -> Clause:
    if operator in _SIMPLE:
        return _SIMPLE[operator](column, names.bind(column))
    if operator is _Op.IS_NULL:
        return column.is_(None) if value else column.is_not(None)
    if operator is _Op.IN:
        return column == sa.any_(names.bind(column, many=True))
    if operator is _Op.STARTS_WITH:
        start = column >= names.bind(column)
        return start if prefix_end(value) is None else sa.and_(start, column < names.bind(column))
    if isinstance(column.type, ARRAY):
        return names.bind(column) == sa.any_(column)
    return sa.func.strpos(column, names.bind(column)) > 0
