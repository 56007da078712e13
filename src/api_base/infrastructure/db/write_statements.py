"""SQL for changes, built once for each shape.

A guarded change with its participants' rows is one statement of CTEs. The rows select FROM the change, in order, and `guard_rows` raises
unless the change matched exactly one row: a plain CTE would commit the audit record of an update that matched no row.

An UPDATE joined to `t` finds no row, because PostgreSQL evaluates the policy of the target before `t` sets the owner. An aggregate is saved
whole, so an update is written as an INSERT whose source is the locked row of the expected version, and which always runs into ON CONFLICT.
Inside BEGIN … COMMIT the owner is set beforehand, and plain statements work.
"""

from functools import lru_cache
from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.changes import CHANGES, Kind
from api_base.infrastructure.db.schema import Ownership, owner_column, ownership, sql_type, written
from api_base.infrastructure.db.statement import owner_source, visited_source

NOTIFY: Final = f"select pg_notify('{CHANGES}', $1)"
"""As part of a transaction it arrives if and only if that one commits. Its commits wait for each other, so it is only sent where somebody asks."""


VISIT: Final = f"select t.* from {visited_source(2)}"
"""Set what the policies compare with in a visit, inside a transaction. Parameters: the visited tenant, the visitor or an empty text."""


@lru_cache(maxsize=512)
def single(kind: Kind, table: sa.Table, added: tuple[sa.Table, ...], notified: bool = False) -> str:
    """Build a guarded insert or update with the rows of `added`.

    Parameters: the owner (owned tables only), the row, the expected version (updates only), then each added row, then the notification
    (`notified` only).
    """
    owned = ownership(table) is not Ownership.SYSTEM
    first = 2 if owned else 1
    width = len(written(table))
    ctes = [f"t as materialized (select id from {owner_source(ownership(table))})"] if owned else []
    if kind is Kind.INSERT:
        ctes.append(f"change as ({_insert(table, first)} {'from t' if owned else ''} returning 1)")
        following = first + width
    else:
        ctes.append(f"target as materialized ({_locked(table, first, first + width)})")
        ctes.append(f"change as ({_insert(table, first)} from target {_on_conflict(table)} returning 1)")
        following = first + width + 1
    before = "change"
    for position, other in enumerate(added):
        ctes.append(f"added{position} as ({_insert(other, following)} from {before} returning 1)")
        before = f"added{position}"  # a chain, because PostgreSQL runs independent CTEs in reverse order, and with them the sequences
        following += len(written(other))
    notify = f", pg_notify('{CHANGES}', ${following})" if notified else ""
    return f"with {', '.join(ctes)} select guard_rows(1, (select count(*) from change)){notify}"


@lru_cache(maxsize=512)
def insert(table: sa.Table) -> str:
    """Insert a row, inside a transaction with the owner set. Parameters: the row."""
    return _insert(table, 1)


@lru_cache(maxsize=512)
def lock(table: sa.Table) -> str:
    """Lock a row until the transaction ends, with the owner set. Parameters: the primary key."""
    keys = [column.name for column in table.columns if column.primary_key]
    return f"select from {table.name} where {' and '.join(f'{name} = ${i}' for i, name in enumerate(keys, 1))} for update"


@lru_cache(maxsize=512)
def guarded_update(table: sa.Table) -> str:
    """Update the row with the expected version, inside a transaction with the owner set. Parameters: the row, the version."""
    values = ", ".join(f"{c.name} = {_parameter(c, i)}" for i, c in enumerate(table.columns, 1))
    key = " and ".join(f"{name} = ${index}" for index, name in _key(table))
    return _counted(f"update {table.name} set {values} where {key} and version = ${len(table.columns) + 1}::integer")


@lru_cache(maxsize=512)
def guarded_delete(table: sa.Table) -> str:
    """Delete the row with the expected version, inside a transaction with the owner set. Parameters: the primary key, the version."""
    keys = [c for c in table.columns if c.primary_key]
    key = " and ".join(f"{c.name} = {_parameter(c, i)}" for i, c in enumerate(keys, 1))
    return _counted(f"delete from {table.name} where {key} and version = ${len(keys) + 1}::integer")


def _counted(change: str) -> str:
    return f"with change as ({change} returning 1) select guard_rows(1, (select count(*) from change))"


@lru_cache(maxsize=512)
def bulk_insert(table: sa.Table) -> str:
    """Insert any number of rows, inside a transaction with the owner set. Parameters: one array for each column."""
    columns = written(table)
    arrays = ", ".join(f"${i}::{_element(c)}[]" for i, c in enumerate(columns, 1))
    values = ", ".join(f"u.c{i}::{sql_type(c)}" for i, c in enumerate(columns, 1))
    names = ", ".join(f"c{i}" for i in range(1, len(columns) + 1))
    return f"insert into {table.name} ({_columns(table)}) select {values} from unnest({arrays}) as u({names})"


def _element(column: sa.Column[object]) -> str:
    """Return the element type of a column's array. unnest flattens nested arrays, so arrays and jsonb are sent as text and cast by row."""
    kind = sql_type(column)
    return "text" if kind == "jsonb" or kind.endswith("[]") else kind


def _columns(table: sa.Table) -> str:
    return ", ".join(c.name for c in written(table))


def _parameter(column: sa.Column[object], index: int) -> str:
    return f"${index}::{sql_type(column)}"


def _insert(table: sa.Table, first: int) -> str:
    values = ", ".join(_parameter(c, i) for i, c in enumerate(written(table), first))
    return f"insert into {table.name} ({_columns(table)}) select {values}"


def _key(table: sa.Table) -> list[tuple[int, str]]:
    return [(i, c.name) for i, c in enumerate(table.columns, 1) if c.primary_key]


def _locked(table: sa.Table, first: int, version: int) -> str:
    """Lock the row with the expected version."""
    key = " and ".join(f"{name} = ${first + index - 1}" for index, name in _key(table))
    guard = f"version = ${version}::integer"
    if ownership(table) is Ownership.SYSTEM:
        return f"select 1 from {table.name} where {key} and {guard} for update"
    mine = f"{owner_column(table)} = t.id"
    return f"select i.* from t cross join lateral (select 1 from {table.name} where {mine} and {key} and {guard} for update offset 0) i"


def _on_conflict(table: sa.Table) -> str:
    key = ", ".join(name for _, name in _key(table))
    values = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if not c.primary_key)
    return f"on conflict ({key}) do update set {values}"
