"""Translate a specification to a query that finds the same documents as `is_satisfied_by` and as the SQL of `db.query_builder`.

A negated comparison is true for a field without a value, so the fields with a value are listed in the document (`PRESENT`). Text is compared as
a keyword, whose order is that of UTF-8: the order of code points. Moments are compared as microseconds.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api_base.core.protocols import FieldKind, SearchField
from api_base.domain.common.comparable import Kind
from api_base.domain.common.specification import (
    AndSpecification,
    ComparisonOperator,
    FieldSpecification,
    IncomparableValue,
    NotSpecification,
    OrSpecification,
    UnknownField,
)
from api_base.infrastructure.db.query_builder.translation import prefix_end
from api_base.infrastructure.elasticsearch import query as q
from api_base.infrastructure.elasticsearch.query import Query

PRESENT: Final = "present"
"""The field that lists the names of the fields that have a value."""
VALUES: Final = "values"
"""The object that holds the values that are compared."""
MAX_PART: Final = 128
"""Characters of a text that `contains` looks for: a longer one, such as a letter repeated, can be too complex for the server."""

_Op = ComparisonOperator
_KINDS: Final = {
    FieldKind.KEYWORD: Kind.TEXT,
    FieldKind.NUMBER: Kind.INTEGER,
    FieldKind.MOMENT: Kind.TIME,
    FieldKind.BOOLEAN: Kind.BOOLEAN,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def indexed(value: Any) -> Any:
    """Return the value as documents and queries hold it: a moment in microseconds, a boolean as 0 or 1, a list as such.

    >>> indexed(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    return int(value) if isinstance(value, bool) else value


def translate(specification: Any, fields: Mapping[str, SearchField]) -> Query:
    """Return the query of a `Specification`.

    Raises `UnknownField` for a field that is not in `fields` or is a text, and `IncomparableValue` in the same cases as the evaluation in Python,
    and for `contains` with over `MAX_PART` characters.
    """
    match specification:
        case AndSpecification(left, right):
            return q.boolean(filter=[translate(left, fields), translate(right, fields)])
        case OrSpecification(left, right):
            return q.boolean(should=[translate(left, fields), translate(right, fields)], minimum_should_match=1)
        case NotSpecification(inner):
            return q.boolean(must_not=[translate(inner, fields)])
        case FieldSpecification():
            return _comparison(specification, fields)
    raise TypeError(f"{type(specification).__name__} has no translation to a search: combine FieldSpecifications")


def _comparison(specification: FieldSpecification[Any], fields: Mapping[str, SearchField]) -> Query:
    field = fields.get(specification.field)
    if field is None or field.kind is FieldKind.TEXT:
        raise UnknownField(specification.field, tuple(name for name, one in fields.items() if one.kind is not FieldKind.TEXT))
    specification.check(Kind.LIST if field.many else _KINDS[field.kind])
    present = q.term(PRESENT, field.name)
    if specification.operator is _Op.IS_NULL:
        return q.boolean(must_not=[present]) if specification.value else present
    name, value = f"{VALUES}.{field.name}", specification.value
    if specification.operator is _Op.IN:
        return q.terms(name, [indexed(member) for member in value])
    if specification.operator is _Op.NE:
        return q.boolean(filter=[present], must_not=[q.term(name, indexed(value))])
    if specification.operator is _Op.CONTAINS and field.many:
        return q.term(name, value)
    if specification.operator is _Op.CONTAINS and len(value) > MAX_PART:
        raise IncomparableValue(f"{field.name}: contains compares at most {MAX_PART} characters in a search, not {len(value)}.")
    return _SIMPLE[specification.operator](name, indexed(value))


_SIMPLE: Final[Mapping[ComparisonOperator, Callable[[str, Any], Query]]] = {
    _Op.EQ: q.term,
    _Op.GT: lambda name, value: q.between(name, gt=value),
    _Op.GE: lambda name, value: q.between(name, ge=value),
    _Op.LT: lambda name, value: q.between(name, lt=value),
    _Op.LE: lambda name, value: q.between(name, le=value),
    _Op.CONTAINS: q.contains,
    _Op.STARTS_WITH: lambda name, value: q.between(name, ge=value, lt=prefix_end(value)),
}
