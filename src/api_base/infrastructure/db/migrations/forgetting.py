"""Removes what a context that is left out has in the database: its tables by its own revisions, and its rows in the tables of the base.

The audit trail is sealed, and the outbox is the record of what happened: both stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from api_base.core.errors import ConfigurationError

_ENDED: Final = "('succeeded', 'dead', 'cancelled')"
_EXISTING: Final = "select name from unnest($1::text[]) name where to_regclass('public.' || quote_ident(name)) is not null order by name"
_REFERENCES: Final = """
select c.conname::text, c.conrelid::regclass::text, c.confrelid::regclass::text from pg_constraint c
join pg_class own on own.oid = c.confrelid join pg_class other on other.oid = c.conrelid
where c.contype = 'f' and own.relnamespace = 'public'::regnamespace and own.relname = any ($1::text[]) and other.relname <> all ($1::text[])
order by 2, 1
"""
_GENERATIONS: Final = "select id from search_generations where index_name = any ($1::text[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a context declares, by name. `name` is its own, and the label of its branch."""

    name: str
    tables: Sequence[str]
    jobs: Sequence[str]
    schedules: Sequence[str]
    subscriptions: Sequence[str]
    indexes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What the database has of a context: its tables with their numbers of rows, its applied revisions, and its rows in other tables by what they are."""

    tables: Mapping[str, int]
    revisions: Sequence[str]
    rows: Mapping[str, int]

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return bool(self.tables or self.revisions or any(self.rows.values()))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one kind in `table`, which a database may lack: those that `condition` selects. `change` is what happens to them."""

    table: str
    condition: str
    values: Sequence[str]
    change: str = ""

    def count(self, connection: sa.Connection) -> int:
        return _number(connection, f"select count(*) from {self.table} where {self.condition}", list(self.values))

    def remove(self, connection: sa.Connection) -> None:
        statement = f"update {self.table} set {self.change}" if self.change else f"delete from {self.table}"
        connection.exec_driver_sql(f"{statement} where {self.condition}", (list(self.values),))


def _kinds(part: Part, keep_days: int) -> Mapping[str, _Rows]:
    """Documents come before their generations, which say whose they are."""
    cancelled = f"state = 'cancelled', leased_until = null, finished_at = now(), expires_at = now() + {keep_days} * interval '1 day'"
    return {
        "jobs that have not ended": _Rows("jobs", f"name = any ($1::text[]) and state not in {_ENDED}", part.jobs, cancelled),
        "times of schedules": _Rows("job_schedules", "name = any ($1::text[])", part.schedules),
        "deliveries of events": _Rows("deliveries", "subscription = any ($1::text[])", part.subscriptions),
        "steps of its seed": _Rows("idempotency_keys", "route = any ($1::text[])", [f"seed {part.name}"]),
        "words of its search documents": _Rows("search_words", f"source in (select id::text from ({_GENERATIONS}) g)", part.indexes),
        "search documents": _Rows("search_documents", f"generation in ({_GENERATIONS})", part.indexes),
        "generations of search indexes": _Rows("search_generations", "index_name = any ($1::text[])", part.indexes),
    }


def remains(connection: sa.Connection, part: Part, revisions: Sequence[str], keep_days: int) -> Remains:
    """Return what there is of `part`. `revisions` are its applied ones."""
    kinds = _present(connection, part, keep_days)
    return Remains(
        tables={name: _number(connection, f'select count(*) from public."{name}"') for name in _existing(connection, part.tables)},
        revisions=revisions,
        rows={kind: rows.count(connection) for kind, rows in kinds.items()},
    )


def drop(config: Config, *, part: Part, revisions: Sequence[str], keep_days: int) -> None:
    """Undo `revisions`, the applied ones of `part`, and remove its rows from the tables of others, in one transaction, which the caller commits.

    Alembic commits nothing itself within a transaction that has begun. Raises `ConfigurationError` while other tables refer to it, and when the
    revisions do not undo themselves.
    """
    connection: sa.Connection = config.attributes["connection"]
    _refuse_referenced(connection, part)
    for rows in _present(connection, part, keep_days).values():
        rows.remove(connection)
    try:
        if revisions:
            command.downgrade(config, f"{part.name}@-{len(revisions)}")
    except NotImplementedError:
        raise ConfigurationError(
            f"Nothing of {part.name} was dropped, because one of its revisions ({', '.join(revisions)}) cannot be undone. "
            "Write `downgrade` in it, then try again."
        ) from None
    if left := _existing(connection, part.tables):
        raise ConfigurationError(
            f"Nothing of {part.name} was dropped, because its revisions do not drop {', '.join(left)}. Complete `downgrade` in them, then try again."
        )


def _refuse_referenced(connection: sa.Connection, part: Part) -> None:
    found = connection.exec_driver_sql(_REFERENCES, (list(part.tables),)).all()
    if found:
        listed = ", ".join(f"{name} of {table} (to {target})" for name, table, target in found)
        raise ConfigurationError(
            f"Nothing of {part.name} was dropped, because foreign keys of other tables refer to it: {listed}. Drop these keys by a revision first."
        )


def _present(connection: sa.Connection, part: Part, keep_days: int) -> Mapping[str, _Rows]:
    kinds = {kind: rows for kind, rows in _kinds(part, keep_days).items() if rows.values}
    present = _existing(connection, [rows.table for rows in kinds.values()])
    searching = "search_generations" in present  # otherwise the words are those of tables
    return {kind: rows for kind, rows in kinds.items() if rows.table in present and (searching or not rows.table.startswith("search_"))}


def _existing(connection: sa.Connection, names: Sequence[str]) -> Sequence[str]:
    return list(connection.exec_driver_sql(_EXISTING, (list(names),)).scalars())


def _number(connection: sa.Connection, statement: str, *arguments: list[str]) -> int:
    return int(connection.exec_driver_sql(statement, arguments).scalar_one())
