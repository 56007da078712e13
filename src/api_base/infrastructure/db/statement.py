"""A SQLAlchemy statement that is compiled once, executed on asyncpg, and sets its own owner.

`set_config(…, true)` lasts for the statement's own transaction, so a connection has no tenant, and no state to reset, even behind a
transaction pooler. The inner part depends on `t.id` (LATERAL, and OFFSET 0 keeps it a subquery), so PostgreSQL sets the owner
first. The predicate on `t.id` selects the rows; row-level security is the second barrier.
"""

import re
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import registry

from api_base.infrastructure.db.owner_check import require_owner
from api_base.infrastructure.db.schema import Ownership, owner_column

OWNER: sa.ColumnElement[UUID] = sa.literal_column("t.id", sa.Uuid())
"""The owner (tenant or user) of the statement. Use it in predicates."""

_PARAMETER: Final = re.compile(r"\$(\d+)")
_DIALECT: Final = registry.load("postgresql.asyncpg")(paramstyle="numeric_dollar")


def owned(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the predicate that every statement contains: the row belongs to the owner of the statement."""
    declared = table.element if isinstance(table, sa.Alias) else table
    assert isinstance(declared, sa.Table)  # for the type checker: statements select only from tables and their aliases
    column = owner_column(declared)
    return sa.true() if column is None else table.c[column] == OWNER


def owner_source(ownership: Ownership) -> str:
    """Return the one-row source `t`, which sets the owner from $1 and returns it as `t.id`."""
    return f"(select set_config('{ownership.value}', $1, true)::uuid as id offset 0) t"


class Statement:
    """SQL text and the order of its parameters. Create one for each shape and reuse it; pass the values at each execution."""

    __slots__ = ("_constants", "names", "ownership", "sql")

    def __init__(self, select: sa.Select[Any] | sa.CompoundSelect[Any], ownership: Ownership = Ownership.TENANT) -> None:
        require_owner(select, OWNER)
        compiled = select.compile(dialect=_DIALECT)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self.ownership = ownership
        inner = str(compiled)
        if ownership is Ownership.SYSTEM:
            self.sql = inner
        else:
            inner = _PARAMETER.sub(lambda match: f"${int(match[1]) + 1}", inner)
            self.sql = f"select i.* from {owner_source(ownership)} cross join lateral ({inner} offset 0) i"

    def arguments(self, owner: UUID | None, values: dict[str, Any]) -> list[Any]:
        """Return positional arguments for asyncpg. `owner` is the tenant or user of the statement."""
        if self._constants:
            values = {**self._constants, **values}
        arguments = [values[name] for name in self.names]
        if self.ownership is not Ownership.SYSTEM:
            arguments.insert(0, str(owner))
        return arguments
