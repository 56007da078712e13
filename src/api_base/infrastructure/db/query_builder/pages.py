"""Keyset pages: the rows after a cursor in the declared order, which ends with the id.

If all fields sort in one direction and none is nullable, a row comparison enters the index at the cursor. Otherwise the predicate compares
field by field, with a separate bound on the leading field. NULLs sort last in both directions.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.util import ClauseAdapter

from api_base.application.common.listing import Field, Fields, ListRequest, Page, Sort, decode_cursor, encode_cursor
from api_base.domain.common.specification import UnknownField
from api_base.infrastructure.db.query_builder.translation import Translation, bind_type, translate
from api_base.infrastructure.db.schema import Ownership, ownership
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned

SHAPES: Final = 512
"""Maximum number of cached statements for each list. Clients choose the shapes, so the number must be bounded."""

SCORE: Final = "score"
BEST: Final = Sort(field=SCORE, descending=True)
"""The order of a text search: the best match first."""
_SCORE: Final = Field(name=SCORE, kind=int, operators=frozenset())
_SCORE_COLUMN: Final = sa.column(SCORE, sa.BigInteger)

type Clause = sa.ColumnElement[bool]
type Keys = Sequence[Any]


class PageBuilder[T]:
    """Builds the pages of one table. `columns` maps the declared fields to columns; `make` converts a row to a DTO.

    `base` restricts the list for a request (deleted items appear only on request); it returns a shape and a clause.
    `search` returns the candidates of a text search, as a source with the columns `id` and `score`, a bigint. Without a requested sort, the best come
    first. `also` are columns that a row has beside those of the table.
    """

    def __init__(
        self,
        database: Database,
        table: sa.Table,
        fields: Fields,
        columns: Mapping[str, sa.Column[Any]],
        make: Callable[[Row], T],
        *,
        base: Callable[[ListRequest], tuple[Hashable, Clause | None]] = lambda request: (None, None),
        search: Callable[[sa.BindParameter[str]], sa.FromClause] | None = None,
        also: Sequence[sa.ColumnElement[Any]] = (),
    ) -> None:
        self._database, self._table, self._fields = database, table, fields
        self._columns, self._make, self._base, self._search, self._also = columns, make, base, search, also
        self._statements: OrderedDict[Hashable, Statement] = OrderedDict()

    async def page(self, request: ListRequest, owner: UUID | None) -> Page[T]:
        """Return a page. Raises `Invalid` for an invalid cursor."""
        sort = (BEST,) if request.q is not None and not request.sort else self._fields.order(request)
        keys = decode_cursor(request, [*((self._field(s.field).kind, self._field(s.field).nullable) for s in sort), (UUID, False)])
        leading = sort[0].field if sort and sort[0] is not BEST else None
        translation = None if request.specification is None else translate(request.specification, self._columns, leading=leading)
        values: dict[str, Any] = {} if translation is None else dict(translation.values)
        if request.q is not None:
            values["q"] = request.q
        total = await self._count(request, translation, owner, values) if request.include_total else None
        values |= {f"k{i}": key for i, key in enumerate(keys or ())} | {"limit": request.limit + 1}
        statement = self._statement(request, sort, translation, keys)
        rows = await self._database.fetch(statement, owner, **values)
        more = len(rows) > request.limit
        rows = rows[: request.limit]
        cursor = encode_cursor(request, self._keys(rows[-1], sort)) if more else None
        cursors = tuple(encode_cursor(request, self._keys(row, sort)) for row in rows) if request.with_cursors else ()
        return Page(items=[self._make(row) for row in rows], next_cursor=cursor, total=total, cursors=cursors)

    def _field(self, name: str) -> Field:
        if name == SCORE:
            return _SCORE
        declared = self._fields.get(name)
        if declared is None:
            raise UnknownField(name, self._fields.names)
        return declared

    def _keys(self, row: Row, sort: tuple[Sort, ...]) -> list[Any]:
        return [*(row[self._column(s).name] for s in sort), row["id"]]

    def _column(self, sort: Sort) -> sa.ColumnClause[Any]:
        return _SCORE_COLUMN if sort.field == SCORE else self._columns[sort.field]

    def _statement(self, request: ListRequest, sort: tuple[Sort, ...], translation: Translation | None, keys: Keys | None) -> Statement:
        nulls = None if keys is None else tuple(key is None for key in keys)
        base_shape, base = self._base(request)
        shape = ("page", translation and translation.shape, base_shape, sort, nulls, request.q is not None)

        def select() -> sa.Select[Any]:
            where = self._where(request, translation, base)
            if sort == (BEST,) and self._search is not None:
                return self._best_select(self._search(sa.bindparam("q", type_=sa.Text())), where, nulls)
            return self._fenced(request, self._page_select(sort, where, nulls))

        return self._cached(shape, select)

    async def _count(self, request: ListRequest, translation: Translation | None, owner: UUID | None, values: dict[str, Any]) -> int:
        base_shape, base = self._base(request)
        shape = ("count", translation and translation.shape, base_shape, request.q is not None)
        where = self._where
        statement = self._cached(
            shape,
            lambda: self._fenced(request, sa.select(sa.func.count()).select_from(self._table).where(*where(request, translation, base))),
        )
        total: int = await self._database.fetchval(statement, owner, **values)
        return total

    def _cached(self, shape: Hashable, select: Callable[[], sa.Select[Any]]) -> Statement:
        found = self._statements.get(shape)
        if found is None:
            found = self._statements[shape] = Statement(select(), ownership(self._table))
            if len(self._statements) > SHAPES:
                self._statements.popitem(last=False)
        else:
            self._statements.move_to_end(shape)
        return found

    def _where(self, request: ListRequest, translation: Translation | None, base: Clause | None) -> list[Clause]:
        where = [] if ownership(self._table) is Ownership.SYSTEM else [owned(self._table)]
        if base is not None:
            where.append(base)
        if translation is not None:
            where.append(translation.clause())
        return where

    def _fenced(self, request: ListRequest, select: sa.Select[Any]) -> sa.Select[Any]:
        """`select` on the candidates of the text search. OFFSET 0 reads them first: the planner does not know that they are few, and would scan
        an index in the requested order to find them. The array of ids reads them by primary key: by a join alone, it reads all rows of the tenant.
        """
        if request.q is None or self._search is None:
            return select
        source = self._search(sa.bindparam("q", type_=sa.Text()))
        found = sa.select(source.c.id, source.c.score).cte("found")
        ids = sa.func.array(sa.select(found.c.id).correlate(None).scalar_subquery(), type_=ARRAY(sa.Uuid))
        rows = sa.select(self._table, found.c.score).where(
            owned(self._table), self._table.c.id == sa.any_(ids), self._table.c.id == found.c.id
        )
        return ClauseAdapter(rows.offset(sa.literal_column("0")).subquery("matched")).traverse(select)

    def _best_select(self, found: sa.FromClause, where: list[Clause], nulls: tuple[bool, ...] | None) -> sa.Select[Any]:
        """The candidates in their order, each looked up until the page is full: most of them are never read. OFFSET 0 keeps the look-up in a loop."""
        order = [_Key(found.c.score, True, False), _Key(found.c.id, True, False)]
        after = [] if nulls is None else _after(order, nulls)
        ranked = sa.select(found.c.id, found.c.score).where(*after).order_by(*(key.order() for key in order))
        once: sa.ColumnElement[int] = sa.literal_column("0")
        best = ranked.offset(once).subquery("ranked")
        row = (
            sa.select(self._table).where(owned(self._table), self._table.c.id == best.c.id).correlate(best).offset(once).lateral("matched")
        )
        adapted = ClauseAdapter(row)
        return (
            sa.select(*row.c, *(adapted.traverse(column) for column in self._also), best.c.score)
            .select_from(best.join(row, sa.true()))
            .where(*(adapted.traverse(clause) for clause in where))
            .order_by(best.c.score.desc(), best.c.id.desc())
            .limit(sa.bindparam("limit", type_=sa.Integer))
        )

    def _page_select(self, sort: tuple[Sort, ...], where: list[Clause], nulls: tuple[bool, ...] | None) -> sa.Select[Any]:
        order = [_Key(self._column(s), s.descending, self._field(s.field).nullable) for s in sort]
        order.append(_Key(self._table.c.id, bool(order) and order[-1].descending, False))
        if nulls is not None:
            where = [*where, *_after(order, nulls)]
        by = [key.order() for key in order]
        also = [self._column(s) for s in sort if s.field == SCORE]
        return sa.select(self._table, *self._also, *also).where(*where).order_by(*by).limit(sa.bindparam("limit", type_=sa.Integer))


class _Key(NamedTuple):
    """A field of the order."""

    column: sa.ColumnElement[Any]
    descending: bool
    nullable: bool

    def order(self) -> sa.ColumnElement[Any]:
        if not self.descending:
            return self.column.asc()  # PostgreSQL sorts NULLs last by default
        return self.column.desc().nulls_last() if self.nullable else self.column.desc()

    def beyond(self, value: sa.BindParameter[Any], *, or_equal: bool = False) -> Clause:
        column = self.column
        if or_equal:
            bound = column <= value if self.descending else column >= value
        else:
            bound = column < value if self.descending else column > value
        return sa.or_(bound, column.is_(None)) if self.nullable else bound


def _after(order: Sequence[_Key], nulls: Sequence[bool]) -> list[Clause]:
    """The rows after the cursor, by a single row comparison if possible."""
    if len({key.descending for key in order}) > 1 or any(key.nullable for key in order):
        return _after_field_by_field(order, nulls)
    columns = sa.tuple_(*(key.column for key in order))
    cursor = sa.tuple_(*(sa.bindparam(f"k{position}", type_=bind_type(key.column)) for position, key in enumerate(order)))
    return [columns < cursor if order[0].descending else columns > cursor]


def _after_field_by_field(order: Sequence[_Key], nulls: Sequence[bool]) -> list[Clause]:
    """The rows after the cursor: greater in the first field, or equal there and greater in the second, and so on."""
    alternatives: list[Clause] = []
    equal: list[Clause] = []
    for position, (key, null) in enumerate(zip(order, nulls, strict=True)):
        value = sa.bindparam(f"k{position}", type_=bind_type(key.column))
        if not null:
            alternatives.append(sa.and_(*equal, key.beyond(value)))
        equal.append(key.column.is_(None) if null else key.column == value)
    leading = order[0]
    if nulls[0]:
        return [leading.column.is_(None), sa.or_(*alternatives)]
    return [leading.beyond(sa.bindparam("k0", type_=bind_type(leading.column)), or_equal=True), sa.or_(*alternatives)]
