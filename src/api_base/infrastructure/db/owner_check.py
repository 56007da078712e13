"""Refuse a statement that reads an owned table without naming the owner.

Row-level security would still hide the rows of other owners. The predicate is the first of the two protections, and no other check would
detect that it is missing.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ColumnClause, Grouping

from api_base.core.errors import ProgrammingError
from api_base.infrastructure.db.schema import Ownership, owner_column, ownership

type Equality = tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]


def require_owner(select: sa.Select[Any] | sa.CompoundSelect[Any], owner: sa.ColumnElement[Any]) -> None:
    """Raise `ProgrammingError` for an owned table that no condition compares with `owner`, directly or by a join with such a table."""
    selects = [part for part in visitors.iterate(select) if isinstance(part, sa.Select)]
    wanted = {source for part in selects for source in _sources(part) if ownership(_table(source)) is not Ownership.SYSTEM}
    equalities = [pair for part in selects for pair in _equalities(part)]
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


def _sources(select: sa.Select[Any]) -> Iterator[sa.FromClause]:
    """Return the declared tables that `select` reads, and their aliases."""
    for source in select.get_final_froms():
        yield from (part for part in _joined(source) if isinstance(part, sa.Table | sa.Alias) and isinstance(_table(part), sa.Table))


def _joined(source: sa.FromClause) -> Iterator[sa.FromClause]:
    if isinstance(source, sa.Join):
        yield from _joined(source.left)
        yield from _joined(source.right)
    else:
        yield source


def _table(source: sa.FromClause) -> Any:
    return source.element if isinstance(source, sa.Alias) else source


def _equalities(select: sa.Select[Any]) -> Iterator[Equality]:
    """Return the equalities that every row satisfies: those joined by AND in WHERE and in the conditions of joins."""
    if select.whereclause is not None:
        yield from _conjunction(select.whereclause)
    for source in select.get_final_froms():
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
