"""The fields of a resource's list, by the types of its attributes."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from api_base.application.common.listing import EQUALITY, ORDER, TEXT, UNINDEXED, Field, Fields, Sort
from api_base.application.common.money import money_fields
from api_base.domain.common.attributes import Attribute, attributes_of
from api_base.domain.common.resource import Resource, rules_of
from api_base.domain.common.specification import ComparisonOperator
from api_base.domain.common.text import TextRule, key, line
from api_base.domain.common.value_objects import Money

_OPERATORS: Final[dict[Any, frozenset[ComparisonOperator]]] = {
    str: TEXT,
    bool: frozenset({ComparisonOperator.EQ, ComparisonOperator.NE}),
    int: ORDER,
    UUID: EQUALITY,
    datetime: ORDER,
    date: ORDER,
}
_IS_NULL: Final = frozenset({ComparisonOperator.IS_NULL})
_IN: Final = frozenset({ComparisonOperator.IN})
NEWEST_FIRST: Final = (Sort(field="created_at", descending=True),)


def resource_fields(
    cls: type[Resource], filters: Sequence[str], sorts: Sequence[str], default_sort: tuple[Sort, ...] = NEWEST_FIRST
) -> Fields:
    """Return the fields with the names in `filters` and `sorts`, and those of `default_sort`. Names that `unlisted` returns are left out."""
    names = dict.fromkeys(
        (*filters, *sorts, *(one.field for one in default_sort), *(("deleted_at",) if "deleted_at" in attributes_of(cls) else ()))
    )
    wrong = {*unlisted(cls, names)}
    attributes = attributes_of(cls)
    sortable = {*sorts, *(one.field for one in default_sort)}
    filtered = {*filters, "deleted_at"}
    declared = [
        one
        for name in names
        if name not in wrong
        for one in _fields(attributes[name], filtered=name in filtered, sortable=name in sortable)
    ]
    return Fields(*declared, default_sort=default_sort)


def unlisted(cls: type[Resource], names: Collection[str]) -> Iterator[str]:
    """Yield those of `names` that are no attribute of `cls`, or one of a type that lists do not compare."""
    attributes = attributes_of(cls)
    return (name for name in names if name not in attributes or _kind(attributes[name]) is None)


def _kind(attribute: Attribute) -> Any:
    kind = attribute.kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Enum
    return kind if kind in _OPERATORS or kind is Money else None


def _fields(attribute: Attribute, *, filtered: bool, sortable: bool) -> Sequence[Field]:
    kind, name = _kind(attribute), attribute.name
    if kind is Money:
        return money_fields(name, sortable=sortable)
    operators = EQUALITY if kind is Enum else _OPERATORS[kind]
    if attribute.nullable:
        operators |= _IS_NULL
    if not filtered:
        operators = frozenset()
    return [
        Field(
            name=name,
            kind=str if kind is Enum else kind,
            operators=operators,
            sortable=sortable,
            nullable=attribute.nullable,
            scan=(UNINDEXED | _IN if kind in (datetime, date) else UNINDEXED) & operators,
            choices=tuple(one.value for one in attribute.kind) if kind is Enum else (),
            stored_form=key if any(isinstance(rule, TextRule) and rule.key for rule in rules_of(attribute)) else line,
        )
    ]
