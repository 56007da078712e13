"""The indexes that lists need: one for the default order, and one for each field that is sorted or filtered by ranges (docs/lists.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api_base.application.common.listing import RANGE_OPERATORS, Field
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.schema import identifier, owner_column


@dataclass(frozen=True, slots=True, kw_only=True)
class ListIndex:
    """`columns` are those of the index, in order. `nulls_last`: all but the owner are descending, the first of them with its nulls at the end."""

    table: str
    owner: str | None
    columns: tuple[str, ...]
    nulls_last: bool = False

    @property
    def name(self) -> str:
        """Return the name, which ends with a digest where it would be too long."""
        parts = [*([self.owner] if self.owner else []), *self.columns[:-1], *(["descending"] if self.nulls_last else [])]
        return identifier(f"ix_{self.table}_{'_'.join(parts)}")

    @property
    def whole(self) -> tuple[str, ...]:
        """Return the columns with the owner."""
        return (*([self.owner] if self.owner else []), *self.columns)

    def elements(self, table: sa.Table) -> list[sa.ColumnElement[Any]]:
        """Return what the index is made of."""
        columns: list[sa.ColumnElement[Any]] = [table.c[name] for name in self.columns]
        if self.nulls_last:
            columns = [column.desc() for column in columns]
            columns[0] = columns[0].nulls_last()
        return [*([table.c[self.owner]] if self.owner else []), *columns]


def list_indexes(pages: PageBuilder[Any]) -> Iterator[ListIndex]:
    """Yield the indexes that the declared filters and sorts of a list need; some may be the same."""
    table, columns, fields = pages.table, pages.columns, pages.fields
    default = [columns[one.field].name for one in fields.default_sort]

    def index(leading: list[str], *, nulls_last: bool = False) -> ListIndex:
        names = (*leading, *(name for name in default if name not in leading), "id")
        return ListIndex(table=table.name, owner=owner_column(table), columns=tuple(dict.fromkeys(names)), nulls_last=nulls_last)

    yield index([])
    for field in fields:
        if not _indexed(field):
            continue
        leading = [columns[name].name for name in (field.needs, field.name) if name is not None]
        yield index(leading)
        if field.sortable and field.nullable:
            yield index(leading, nulls_last=True)


def _indexed(field: Field) -> bool:
    return field.sortable or bool((field.operators & RANGE_OPERATORS) - field.scan)
