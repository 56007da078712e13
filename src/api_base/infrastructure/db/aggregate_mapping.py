"""The mapping of an aggregate whose attributes are named as the columns of its table.

What does not fit is noted in the mapping, and the check at start refuses it, so that all of it is found in one run.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

import sqlalchemy as sa

from api_base.core.base import AggregateRoot
from api_base.domain.common.attributes import Attribute, attributes_of
from api_base.infrastructure.db.column_code import column_code
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.schema import column_type
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.db.stored_types import Converter, Converters, StoredPart, converter_of, default_sql

DECLARES_FOR_ITS_CALLERS: Final = True
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def aggregate_mapping[T: AggregateRoot](
    cls: type[T],
    table: sa.Table,
    *,
    entity: str | None = None,
    converters: Converters | None = None,
    constraint_errors: Mapping[str, Callable[[T], Exception]] | None = None,
) -> TableMapping[T]:
    """Map `cls` to `table`: each attribute to the column of its name, money to two columns, other types by `converters`.

    `entity` names the aggregate in the audit trail, by default its class in lower case with underscores. `constraint_errors` as for `TableMapping`.
    """
    fitted = _Fitted(cls, table, converters or {})
    faults = list(fitted.faults())
    owner: str = table.info.get("owner") or ""
    return TableMapping(
        entity=entity or entity_name(cls),
        table=table,
        to_row=(lambda _: ()) if faults else _to_row(fitted.columns),
        from_row=_from_row(cls, fitted.converters),
        owner=attrgetter(owner) if owner in fitted.attributes else lambda _: None,
        constraint_errors=constraint_errors or {},
        aggregate=cls,
        fields=fitted.fields,
        defaults=fitted.defaults,
        faults=faults,
    )


def entity_name(cls: type[Any]) -> str:
    """Return the name of a class in lower case, with underscores."""
    return _WORDS.sub("_", cls.__name__).lower()


class _Fitted:
    """The attributes of a class beside the columns of a table."""

    def __init__(self, cls: type[Any], table: sa.Table, declared: Converters) -> None:
        self._cls, self._table = cls, table
        self.attributes = attributes_of(cls)
        found = {name: converter_of(one, declared) for name, one in self.attributes.items()}
        self.converters: Mapping[str, Converter[Any]] = {name: one for name, one in found.items() if one is not None}
        parts = {f"{name}{part.suffix}": (self.attributes[name], part) for name, one in self.converters.items() for part in one.parts}
        self._parts = parts
        self.columns = [parts[column.name] for column in table.columns if column.name in parts]
        self.fields = {f"{one.name}{part.field}": table.c[name] for name, (one, part) in parts.items() if name in table.c}

    @property
    def defaults(self) -> Mapping[tuple[str, str], str]:
        """Return the SQL of the defaults of attributes, by table and column."""
        pairs = [(name, *one) for name, converter in self.converters.items() for one in default_sql(self.attributes[name], converter)]
        return {(self._table.name, f"{name}{suffix}"): sql for name, suffix, sql in pairs}

    def faults(self) -> Iterator[str]:
        """Yield what does not fit, with what to write."""
        cls, table = self._cls.__name__, self._table
        for name, attribute in self.attributes.items():
            if name not in self.converters:
                yield (
                    f"{cls}.{name} is {attribute.shown}, which no converter stores. "
                    f"Pass converters={{{attribute.shown.removesuffix(' | None')}: Converter(…)}} to aggregate_mapping."
                )
        for name, (attribute, part) in self._parts.items():
            code = column_code(name, part.type, nullable=attribute.nullable)
            column = table.columns.get(name)
            if column is None:
                yield f"{cls}.{attribute.name} has no column in the table {table.name!r}. Add {code} to the table."
            elif not _holds(column.type, part.type):
                yield f"{cls}.{attribute.name} is {attribute.shown}, but the column {name!r} of {table.name!r} is {column_type(column)}. Write {code}."
            elif attribute.nullable and not column.nullable:
                yield f"{cls}.{attribute.name} may be None, but the column {name!r} of {table.name!r} is not nullable. Write {code}."
            elif column.nullable and not attribute.nullable:
                yield f"{cls}.{attribute.name} is never None, but the column {name!r} of {table.name!r} is nullable. Write {code}."
        for column in table.columns:
            if column.name not in self._parts and column.name not in self.attributes:
                yield f"The column {column.name!r} of {table.name!r} is no attribute of {cls}. Add the attribute, or remove the column."


def _holds(column: sa.types.TypeEngine[Any], part: sa.types.TypeEngine[Any]) -> bool:
    """Return whether a column has the type of a part. Any size of an integer does: the attribute does not say which one it needs."""
    if isinstance(part, sa.Integer):
        return isinstance(column, sa.Integer)
    if isinstance(part, sa.ARRAY):
        return isinstance(column, sa.ARRAY) and _holds(column.item_type, part.item_type)
    return isinstance(column, type(part)) and getattr(column, "timezone", None) == getattr(part, "timezone", None)


def _to_row(columns: Sequence[tuple[Attribute, StoredPart[Any]]]) -> Callable[[Any], tuple[Any, ...]]:
    read = attrgetter(*(attribute.name for attribute, _ in columns))
    converted = [(position, part.value) for position, (_, part) in enumerate(columns) if part.value is not None]
    if not converted:
        return read

    def to_row(entity: Any) -> tuple[Any, ...]:
        values = list(read(entity))
        for position, convert in converted:
            if values[position] is not None:
                values[position] = convert(values[position])
        return tuple(values)

    return to_row


def _from_row[T](cls: type[T], converters: Mapping[str, Converter[Any]]) -> Callable[[Row], T]:
    plain = [name for name, one in converters.items() if one.load is None]
    values_of = itemgetter(*plain)
    loaded = [(name, one.load, [f"{name}{part.suffix}" for part in one.parts]) for name, one in converters.items() if one.load is not None]

    def from_row(row: Row) -> T:
        values = dict(zip(plain, values_of(row), strict=True))
        for name, load, columns in loaded:
            stored = [row[column] for column in columns]
            values[name] = None if stored[0] is None else load(*stored)
        return cls(**values)

    return from_row
