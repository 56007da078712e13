"""A SQLAlchemy statement that is compiled once, executed on asyncpg, and sets its own owner.

`set_config(…, true)` lasts for the statement's own transaction, so a connection has no tenant, and no state to reset, even behind a
transaction pooler. The inner part depends on `t.id` (LATERAL, and OFFSET 0 keeps it a subquery), so PostgreSQL sets the owner
first. The predicate on `t.id` selects the rows; row-level security is the second barrier.

In a visit to public pages the same statement sets another setting, which only the policies of public rows compare with: whatever the handler
asks for, PostgreSQL shows it no other row.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ColumnClause, Grouping

from api_base.core.errors import ProgrammingError
from api_base.core.types import NO_REQUEST, Visit, current_context
from api_base.infrastructure.db.schema import VISITED, VISITOR, DeclaredTable, Ownership, owner_column, ownership

OWNER: sa.ColumnElement[UUID] = sa.literal_column("t.id", sa.Uuid())
"""The owner (tenant or user) of the statement. Use it in predicates."""

_PARAMETER: Final = re.compile(r"\$(\d+)")
_DIALECT: Final = registry.load("postgresql.asyncpg")(paramstyle="numeric_dollar")
_MAX_CHECKED: Final = 1000
_checked: set[tuple[str, frozenset[DeclaredTable]]] = set()
"""The texts, and tables, of statements that name their owner. Each repository builds its own, and the check takes longer than building one."""


def owned(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the predicate that every statement contains: the row belongs to the owner of the statement.

    Raises `ProgrammingError` for a table without the column that its declaration names.
    """
    declared = table.element if isinstance(table, sa.Alias) else table
    assert isinstance(declared, sa.Table)  # for the type checker: statements select only from tables and their aliases
    column = owner_column(declared)
    if column is not None and column not in table.c:
        raise ProgrammingError(f"The table {declared.name!r} has no column {column!r}, which names the owner of a row. Add it.")
    return sa.true() if column is None else table.c[column] == OWNER


def owner_source(ownership: Ownership) -> str:
    """Return the one-row source `t`, which sets the owner from $1 and returns it as `t.id`."""
    return f"(select set_config('{ownership.value}', $1, true)::uuid as id offset 0) t"


def visited_source(visitor: int) -> str:
    """Return the one-row source `t` of a visit: it sets the visited tenant from $1, and the visitor from the parameter `visitor`.

    An earlier statement of the transaction may have set the tenant of private rows: numbers of a sequence, results of keyed requests.
    """
    private = f"set_config('{Ownership.TENANT.value}', '', true) as private"
    return f"(select set_config('{VISITED}', $1, true)::uuid as id, set_config('{VISITOR}', ${visitor}, true) as visitor, {private} offset 0) t"


def visitor_of(visit: Visit) -> str:
    """Return the visitor as `visited_source` sets it."""
    return "" if visit.visitor is None else str(visit.visitor)


class Statement:
    """SQL text and the order of its parameters. Create one for each shape and reuse it; pass the values at each execution."""

    __slots__ = ("_constants", "_tables", "names", "ownership", "sql", "visiting_sql")

    def __init__(self, select: sa.Select[Any] | sa.CompoundSelect[Any], ownership: Ownership = Ownership.TENANT) -> None:
        compiled = select.compile(dialect=_DIALECT)
        inner = str(compiled)
        shape = inner, frozenset(part for part in visitors.iterate(select) if isinstance(part, sa.Table))
        if shape not in _checked:
            require_owner(select, OWNER)
            if len(_checked) < _MAX_CHECKED:
                _checked.add(shape)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self.ownership = ownership
        self._tables = ", ".join(sorted(table.name for table in shape[1]))
        self.sql = self.visiting_sql = inner
        if ownership is not Ownership.SYSTEM:
            inner = _PARAMETER.sub(lambda match: f"${int(match[1]) + 1}", inner)
            self.sql = self.visiting_sql = f"select i.* from {owner_source(ownership)} cross join lateral ({inner} offset 0) i"
        if ownership is Ownership.TENANT:
            self.visiting_sql = f"select i.* from {visited_source(len(self.names) + 2)} cross join lateral ({inner} offset 0) i"

    def call(self, owner: UUID | None, values: dict[str, Any]) -> tuple[str, list[Any]]:
        """Return the SQL and its positional arguments for asyncpg. `owner` is the tenant or user of the statement.

        Raises `ProgrammingError` in a visit to public pages for a statement of another tenant, of another user than the visitor, and on tables
        of the system, which have no policy.
        """
        if self._constants:
            values = {**self._constants, **values}
        arguments = [values[name] for name in self.names]
        if self.ownership is not Ownership.SYSTEM:
            arguments.insert(0, str(owner))
        visit = current_context.get(NO_REQUEST).visit
        if visit is None:
            return self.sql, arguments
        self._require_visited(visit, owner)
        if self.ownership is Ownership.TENANT:
            arguments.append(visitor_of(visit))
        return self.visiting_sql, arguments

    def _require_visited(self, visit: Visit, owner: UUID | None) -> None:
        match self.ownership:
            case Ownership.SYSTEM:
                why = "which belong to the system and have no policy. Read them in a message without `public_of`"
            case Ownership.TENANT if owner != visit.tenant_id:
                why = "of another tenant than the visited one. Pass readable_tenant()"
            case Ownership.USER if owner != visit.visitor:
                why = "of another user than the visitor. Pass request_user()"
            case _:
                return
        raise ProgrammingError(f"A message with `public_of` reads {self._tables}, {why}.")


type Equality = tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]


def require_owner(select: sa.Select[Any] | sa.CompoundSelect[Any], owner: sa.ColumnElement[Any]) -> None:
    """Raise `ProgrammingError` for an owned table that no condition compares with `owner`, directly or by a join with such a table."""
    selects = [(part, part.get_final_froms()) for part in visitors.iterate(select) if isinstance(part, sa.Select)]
    wanted = {source for _, froms in selects for source in _sources(froms) if ownership(_table(source)) is not Ownership.SYSTEM}
    equalities = [pair for part, froms in selects for pair in _equalities(part, froms)]
    tied: set[sa.FromClause] = set()
    while found := {source for source in wanted - tied if any(_ties(source, pair, owner, tied) for pair in equalities)}:
        tied |= found
    if missing := sorted(_table(source).name for source in wanted - tied):
        raise ProgrammingError(f"A statement reads {', '.join(missing)} without naming the owner: add owned(table) to its conditions.")


def _ties(source: sa.FromClause, pair: Equality, owner: sa.ColumnElement[Any], tied: set[sa.FromClause]) -> bool:
    """Return whether an equality compares a column of `source` with the owner, or its owner column with a column of a checked table."""
    for one, other in (pair, pair[::-1]):
        if isinstance(one, ColumnClause) and one.table is source:
            if other is owner:
                return True
            if isinstance(other, ColumnClause) and other.table in tied and one.name == owner_column(_table(source)):
                return True
    return False


def _sources(froms: Sequence[sa.FromClause]) -> Iterator[sa.FromClause]:
    """Return the declared tables in `froms`, and their aliases."""
    for source in froms:
        yield from (part for part in _joined(source) if isinstance(part, sa.Table | sa.Alias) and isinstance(_table(part), sa.Table))


def _joined(source: sa.FromClause) -> Iterator[sa.FromClause]:
    if isinstance(source, sa.Join):
        yield from _joined(source.left)
        yield from _joined(source.right)
    else:
        yield source


def _table(source: sa.FromClause) -> Any:
    return source.element if isinstance(source, sa.Alias) else source


def _equalities(select: sa.Select[Any], froms: Sequence[sa.FromClause]) -> Iterator[Equality]:
    """Return the equalities that every row satisfies: those joined by AND in WHERE and in the conditions of joins."""
    if select.whereclause is not None:
        yield from _conjunction(select.whereclause)
    for source in froms:
        for part in visitors.iterate(source):
            if isinstance(part, sa.Join):
                yield from _conjunction(part.onclause)


def _conjunction(clause: Any) -> Iterator[Equality]:
    if isinstance(clause, Grouping):
        yield from _conjunction(clause.element)
    elif isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conjunction(part)
    elif isinstance(clause, BinaryExpression) and clause.operator is operators.eq:
        yield clause.left, clause.right
