"""The order of a keyset page, and the predicates for the rows behind a cursor.

If all fields sort in one direction and none is nullable, a row comparison enters the index at the cursor. Otherwise the predicate compares
field by field, with a separate bound on the leading field. NULLs sort last in both directions.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from api_base.infrastructure.db.query_builder.translation import bind_type

type Clause = sa.ColumnElement[bool]


class Key(NamedTuple):
    """A field of the order. NULLs come last, or first in the reverse order."""

    column: sa.ColumnElement[Any]
    descending: bool
    nullable: bool
    nulls_first: bool = False

    def reversed(self) -> "Key":
        """Return the field in the opposite order."""
        return Key(self.column, not self.descending, self.nullable, self.nullable and not self.nulls_first)

    def order(self) -> sa.ColumnElement[Any]:
        """Return the part of ORDER BY."""
        direction = self.column.desc() if self.descending else self.column.asc()
        if not self.nullable or self.descending is self.nulls_first:
            return direction  # PostgreSQL's default: NULLs are larger than every value
        return direction.nulls_first() if self.nulls_first else direction.nulls_last()

    def beyond(self, value: sa.BindParameter[Any], *, or_equal: bool = False) -> Clause:
        """Return the predicate for the rows behind a value that is not null."""
        column = self.column
        if or_equal:
            bound = column <= value if self.descending else column >= value
        else:
            bound = column < value if self.descending else column > value
        return sa.or_(bound, column.is_(None)) if self.nullable and not self.nulls_first else bound


def rows_after(order: Sequence[Key], nulls: Sequence[bool], prefix: str) -> list[Clause]:
    """The rows after the cursor in `order`, by a single row comparison if possible. `prefix`: that of its parameters."""
    if len({key.descending for key in order}) > 1 or any(key.nullable for key in order):
        return _field_by_field(order, nulls, prefix)
    columns = sa.tuple_(*(key.column for key in order))
    cursor = sa.tuple_(*(sa.bindparam(f"{prefix}{position}", type_=bind_type(key.column)) for position, key in enumerate(order)))
    return [columns < cursor if order[0].descending else columns > cursor]


def _field_by_field(order: Sequence[Key], nulls: Sequence[bool], prefix: str) -> list[Clause]:
    """The rows after the cursor: greater in the first field, or equal there and greater in the second, and so on."""
    alternatives: list[Clause] = []
    equal: list[Clause] = []
    for position, (key, null) in enumerate(zip(order, nulls, strict=True)):
        value = sa.bindparam(f"{prefix}{position}", type_=bind_type(key.column))
        if not null:
            alternatives.append(sa.and_(*equal, key.beyond(value)))
        elif key.nulls_first:
            alternatives.append(sa.and_(*equal, key.column.is_not(None)))
        equal.append(key.column.is_(None) if null else key.column == value)
    leading = order[0]
    if nulls[0]:
        return [sa.or_(*alternatives)] if leading.nulls_first else [leading.column.is_(None), sa.or_(*alternatives)]
    return [leading.beyond(sa.bindparam(f"{prefix}0", type_=bind_type(leading.column)), or_equal=True), sa.or_(*alternatives)]
