"""Pages: the rows after a cursor in the declared order, which ends with the id; or after a bounded number of rows."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.util import ClauseAdapter

from api_base.application.common.listing import MAX_ROWS, Cursors, Field, Fields, ListRequest, Page, Sort, cursor_binding, decode_cursor
from api_base.core.errors import Invalid
from api_base.core.types import Err, Ok, Result
from api_base.domain.common.specification import UnknownField
from api_base.infrastructure.db.query_builder.keyset import Clause, Key, rows_after
from api_base.infrastructure.db.query_builder.text_search import TextSearch
from api_base.infrastructure.db.query_builder.translation import Translation, translate
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

type Keys = Sequence[Any]


class PageBuilder[T]:
    """Builds the pages of one table. `columns` maps the declared fields to columns; `make` converts a row to a DTO.

    `base` restricts the list for a request (deleted items appear only on request); it returns a shape and a clause.
    `search` is the text search. Without a requested sort, the best come first. `also` are columns that a row has beside those of the table.
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
        search: TextSearch | None = None,
        also: Sequence[sa.ColumnElement[Any]] = (),
    ) -> None:
        self._database, self.table, self.fields = database, table, fields
        self.columns, self._make, self._base, self.search, self._also = columns, make, base, search, also
        database.lists.add(self)
        self._statements: OrderedDict[Hashable, Statement] = OrderedDict()

    async def page(self, request: ListRequest, owner: UUID | None) -> Page[T]:
        """Return a page. Raises `Invalid` for an invalid cursor."""
        asked = self._asked(request, "")
        total = await self._count(asked, owner) if request.include_total else None
        values = asked.values | {"limit": request.limit + 1, "offset": request.offset}
        return self._made(asked, await self._database.fetch(self._statement(asked), owner, **values), total)

    async def pages_of(
        self, request: ListRequest, column: sa.Column[UUID], parents: Sequence[UUID], owner: UUID | None
    ) -> Mapping[UUID, Result[Page[T], Invalid]]:
        """Return a page of each of `parents`, whose rows have the parent in `column`, by one statement; and one more for the totals.

        A cursor belongs to the pages of one parent: for the others, it is an error.
        """
        found: dict[UUID, Result[Page[T], Invalid]] = {}
        asked: dict[UUID, _Asked] = {}
        for parent in parents:
            try:
                asked[parent] = self._asked(request, str(parent), next(iter(asked.values()), None))
            except Invalid as error:
                found[parent] = Err(error)
        if not asked:
            return found
        first, ids = next(iter(asked.values())), list(asked)
        totals = await self._counts(first, column, ids, owner) if request.include_total else {}
        values = first.values | {"limit": request.limit + 1, "parents": ids}
        rows = defaultdict(list)
        for row in await self._database.fetch(self._statement_of(first, column), owner, **values):
            rows[row[column.name]].append(row)
        for parent, one in asked.items():
            found[parent] = Ok(self._made(one, rows[parent], totals.get(parent, 0) if request.include_total else None))
        return found

    def _asked(self, request: ListRequest, parent: str, same: "_Asked | None" = None) -> "_Asked":
        """Return the request for the rows of `parent`, as in `same` except for the binding."""
        sort = (BEST,) if request.q is not None and not request.sort else self.fields.order(request)
        kinds: list[tuple[type[Any], bool]] = [*((self._field(s.field).kind, self._field(s.field).nullable) for s in sort), (UUID, False)]
        binding = cursor_binding(request, f"{self.table.name}/{parent}")
        after, before = decode_cursor(request.cursor, binding, kinds), decode_cursor(request.before, binding, kinds, "before")
        if same is not None:
            return replace(same, binding=binding)
        leading = sort[0].field if sort and sort[0] is not BEST else None
        translation = None if request.specification is None else translate(request.specification, self.columns, leading=leading)
        values: dict[str, Any] = {} if translation is None else dict(translation.values)
        if request.q is not None:
            values["q"] = request.q
        values |= {f"k{i}": key for i, key in enumerate(after or ())} | {f"b{i}": key for i, key in enumerate(before or ())}
        return _Asked(request, sort, translation, values, _nulls(after), _nulls(before), binding)

    def _made(self, asked: "_Asked", rows: Sequence[Row], total: int | None) -> Page[T]:
        more = len(rows) > asked.request.limit
        rows = rows[: asked.request.limit]
        if asked.request.backward:
            rows = rows[::-1]
        cursors = Cursors(asked.binding, rows, lambda row: self._keys(row, asked.sort))
        following = cursors[0 if asked.request.backward else -1] if more else None
        return Page(items=[self._make(row) for row in rows], next_cursor=following, total=total, cursors=cursors)

    def _field(self, name: str) -> Field:
        if name == SCORE:
            return _SCORE
        declared = self.fields.get(name)
        if declared is None:
            raise UnknownField(name, self.fields.names)
        return declared

    def _keys(self, row: Row, sort: tuple[Sort, ...]) -> list[Any]:
        values = ((row[self._column(s).name], dict(s.shown)) for s in sort)
        return [*(shown.get(value, value) for value, shown in values), row["id"]]

    def _column(self, sort: Sort) -> sa.ColumnClause[Any]:
        return _SCORE_COLUMN if sort.field == SCORE else self.columns[sort.field]

    def _ordered(self, sort: Sort) -> sa.ColumnElement[Any]:
        """What orders: no index serves it for a field whose values are shown as others, because each older version would need one."""
        column = self._column(sort)
        return sa.case(dict(sort.shown), value=column, else_=column) if sort.shown else column

    def _statement(self, asked: "_Asked") -> Statement:
        base_shape, base = self._base(asked.request)

        def select() -> sa.Select[Any]:
            if asked.sort == (BEST,) and self.search is not None:
                return _windowed(asked, self._best_select(asked, base, self.search(sa.bindparam("q", type_=sa.Text()))))
            return _windowed(asked, self._fenced(asked.request, self._page_select(asked, base)))

        return self._cached(("page", base_shape, *asked.shape), select)

    def _statement_of(self, asked: "_Asked", column: sa.Column[UUID]) -> Statement:
        """The first rows of each parent, by an index on the column of the parent: LATERAL reads them parent by parent."""
        base_shape, base = self._base(asked.request)

        def select() -> sa.Select[Any]:
            parents = (
                sa.func.unnest(sa.bindparam("parents", type_=ARRAY(sa.Uuid)))
                .table_valued(sa.column("id", sa.Uuid))
                .render_derived(name="parents")
            )
            rows = self._page_select(asked, base).where(column == parents.c.id).correlate(parents).lateral("page")
            return sa.select(rows).select_from(parents.join(rows, sa.true()))

        return self._cached(("pages", column.name, base_shape, *asked.shape), select)

    async def _count(self, asked: "_Asked", owner: UUID | None) -> int:
        base_shape, base = self._base(asked.request)

        bounded = asked.request.offset is not None

        def select() -> sa.Select[Any]:
            counted = sa.literal_column("1") if bounded else sa.func.count()
            found = self._fenced(asked.request, sa.select(counted).select_from(self.table).where(*self._where(asked, base)))
            return (
                sa.select(sa.func.count()).select_from(found.limit(sa.literal_column(str(MAX_ROWS))).subquery("reached"))
                if bounded
                else found
            )

        statement = self._cached(("count", bounded, base_shape, *asked.counted), select)
        total: int = await self._database.fetchval(statement, owner, **asked.values)
        return total

    async def _counts(self, asked: "_Asked", column: sa.Column[UUID], parents: list[UUID], owner: UUID | None) -> Mapping[UUID, int]:
        base_shape, base = self._base(asked.request)
        named = column == sa.any_(sa.bindparam("parents", type_=ARRAY(sa.Uuid)))

        def select() -> sa.Select[Any]:
            columns: list[sa.ColumnElement[Any]] = [column, sa.func.count().label("total")]
            return sa.select(*columns).where(named, *self._where(asked, base)).group_by(column)

        statement = self._cached(("counts", column.name, base_shape, *asked.counted), select)
        rows = await self._database.fetch(statement, owner, **asked.values, parents=parents)
        return {row[column.name]: row["total"] for row in rows}

    def _cached(self, shape: Hashable, select: Callable[[], sa.Select[Any]]) -> Statement:
        found = self._statements.get(shape)
        if found is None:
            found = self._statements[shape] = Statement(select(), ownership(self.table))
            if len(self._statements) > SHAPES:
                self._statements.popitem(last=False)
        else:
            self._statements.move_to_end(shape)
        return found

    def _where(self, asked: "_Asked", base: Clause | None) -> list[Clause]:
        where = [] if ownership(self.table) is Ownership.SYSTEM else [owned(self.table)]
        if base is not None:
            where.append(base)
        if asked.translation is not None:
            where.append(asked.translation.clause())
        return where

    def _fenced(self, request: ListRequest, select: sa.Select[Any]) -> sa.Select[Any]:
        """`select` on the candidates of the text search. OFFSET 0 reads them first: the planner does not know that they are few, and would scan
        an index in the requested order to find them. The array of ids reads them by primary key: by a join alone, it reads all rows of the tenant.
        """
        if request.q is None or self.search is None:
            return select
        source = self.search(sa.bindparam("q", type_=sa.Text()))
        found = sa.select(source.c.id, source.c.score).cte("found")
        ids = sa.func.array(sa.select(found.c.id).correlate(None).scalar_subquery(), type_=ARRAY(sa.Uuid))
        rows = sa.select(self.table, found.c.score).where(owned(self.table), self.table.c.id == sa.any_(ids), self.table.c.id == found.c.id)
        return ClauseAdapter(rows.offset(sa.literal_column("0")).subquery("matched")).traverse(select)

    def _best_select(self, asked: "_Asked", base: Clause | None, found: sa.FromClause) -> sa.Select[Any]:
        """The candidates in their order, each looked up until the page is full: most of them are never read. OFFSET 0 keeps the look-up in a loop."""
        between, by = _between(asked, [Key(found.c.score, True, False), Key(found.c.id, True, False)])
        ranked = sa.select(found.c.id, found.c.score).where(*between).order_by(*(key.order() for key in by))
        once: sa.ColumnElement[int] = sa.literal_column("0")
        best = ranked.offset(once).subquery("ranked")
        row = sa.select(self.table).where(owned(self.table), self.table.c.id == best.c.id).correlate(best).offset(once).lateral("matched")
        adapted = ClauseAdapter(row)
        order = [key._replace(column=best.c[key.column.key or ""]).order() for key in by]
        return (
            sa.select(*row.c, *(adapted.traverse(column) for column in self._also), best.c.score)
            .select_from(best.join(row, sa.true()))
            .where(*(adapted.traverse(clause) for clause in self._where(asked, base)))
            .order_by(*order)
            .limit(sa.bindparam("limit", type_=sa.Integer))
        )

    def _page_select(self, asked: "_Asked", base: Clause | None) -> sa.Select[Any]:
        sort, where = asked.sort, self._where(asked, base)
        order = [Key(self._ordered(s), s.descending, self._field(s.field).nullable) for s in sort]
        order.append(Key(self.table.c.id, bool(order) and order[-1].descending, False))
        between, by = _between(asked, order)
        also = [self._column(s) for s in sort if s.field == SCORE]
        ordered = [key.order() for key in by]
        return (
            sa.select(self.table, *self._also, *also)
            .where(*where, *between)
            .order_by(*ordered)
            .limit(sa.bindparam("limit", type_=sa.Integer))
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose cursors are decoded. `after` and `before`: which of their keys are null; None without a cursor."""

    request: ListRequest
    sort: tuple[Sort, ...]
    translation: Translation | None
    values: dict[str, Any]
    after: tuple[bool, ...] | None
    before: tuple[bool, ...] | None
    binding: str

    @property
    def counted(self) -> tuple[Hashable, ...]:
        """Return what the text of a statement that counts depends on."""
        return self.translation and self.translation.shape, self.request.q is not None

    @property
    def shape(self) -> tuple[Hashable, ...]:
        """Return what the text of the statement of a page depends on."""
        return (*self.counted, self.sort, self.after, self.before, self.request.backward, self.request.offset is not None)


def _windowed(asked: _Asked, page: sa.Select[Any]) -> sa.Select[Any]:
    """`page` from the offset of the request, if it has one; in a subquery, because a `Statement` ends with an OFFSET of its own."""
    if asked.request.offset is None:
        return page
    return sa.select(page.offset(sa.bindparam("offset", type_=sa.Integer)).subquery("reached"))


def _nulls(keys: Keys | None) -> tuple[bool, ...] | None:
    return None if keys is None else tuple(key is None for key in keys)


def _between(asked: _Asked, order: Sequence[Key]) -> tuple[list[Clause], Sequence[Key]]:
    """The rows between the cursors, and the order in which they are read."""
    reverse = [key.reversed() for key in order]
    after = [] if asked.after is None else rows_after(order, asked.after, "k")
    before = [] if asked.before is None else rows_after(reverse, asked.before, "b")
    return [*after, *before], reverse if asked.request.backward else order
