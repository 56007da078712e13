"""What a revision has to do: the difference between the declared tables of a context and those of the database, by Alembic's comparison.

Nothing is dropped that revisions may have made by hand: indexes, constraints, whole tables, columns that PostgreSQL computes or of types that no
declaration has.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.column_code import type_code
from api_base.infrastructure.db.list_indexes import ListIndex, list_indexes
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.schema import (
    ROW_PRIVILEGES,
    DeclaredTable,
    Ownership,
    declared_at,
    owner_column,
    ownership,
    privileges,
    public_rows,
)

_DROPS: Final = (ops.DropIndexOp, ops.DropConstraintOp, ops.DropTableOp)
_SEARCHED: Final = """
select array(select distinct source.attname::text from pg_attribute made
    join pg_attrdef on adrelid = made.attrelid and adnum = made.attnum
    join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid and refobjid = made.attrelid
    join pg_attribute source on source.attrelid = made.attrelid and source.attnum = refobjsubid and source.attnum <> made.attnum
    where made.attrelid = to_regclass($1) and made.attname = $2)
"""
"""The columns that a computed column is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Python statements. `searches`: whether they need the branch `text_search`."""

    upgrade: list[str] = field(default_factory=list)
    downgrade: list[str] = field(default_factory=list)
    creates: list[str] = field(default_factory=list)
    searches: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSchema:
    """The tables of a context, those of the whole application, and the lists of both. `defaults` maps (table, column) to the SQL of the value that rows
    have which exist before the column.
    """

    tables: Sequence[DeclaredTable]
    everything: Sequence[DeclaredTable]
    lists: Sequence[PageBuilder[Any]]
    defaults: Mapping[tuple[str, str], str]


def difference(connection: sa.Connection, declared: DeclaredSchema) -> Difference:
    """Return what makes the database as `declared`. Raises `ConfigurationError` for a column that existing rows would have no value of."""
    metadata, inspector = sa.MetaData(), sa.inspect(connection)
    tables = {table.name: table.to_metadata(metadata) for table in declared.everything}
    own = {table.name for table in declared.tables}
    for table in tables.values():
        table.info.clear()  # Alembic would write it
    stored = set(inspector.get_table_names()) & own
    for one in _missing(inspector, stored, declared, own):
        tables[one.table].append_constraint(sa.Index(one.name, *one.elements(tables[one.table])))
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "include_name": lambda name, kind, parents: kind != "table" or name in own,
            "include_object": lambda item, name, kind, reflected, other: _compared(item, name, kind, reflected, own),
            "render_item": lambda kind, item, autogen: (type_code(item) or False) if kind == "type" else False,
        },
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Did not recognize type", sa.exc.SAWarning)  # xid8
        found = _flat(produce_migrations(context, metadata).upgrade_ops)
    up = [one for one in found if not isinstance(one, _DROPS)]
    made = Difference(creates=[one.table_name for one in up if isinstance(one, ops.CreateTableOp)])
    render = _Renderer(context, {table.name: table for table in declared.tables}, declared.defaults)
    for one in up:
        made.upgrade.extend(render.upgrade(one))
    for one in reversed(up):
        if not isinstance(one, ops.CreateIndexOp) or one.table_name not in made.creates:
            made.downgrade.append(render.code(one.reverse()))
    dropped = {(one.table_name, one.column_name) for one in up if isinstance(one, ops.DropColumnOp)}
    searching = list(_searching(connection, stored, declared, own, dropped))
    for name, columns, before in searching:
        if before:  # first, because PostgreSQL does not drop or change a column that a computed one is made of
            made.upgrade.insert(0, f"not_searchable({name!r})")
            made.downgrade.append(_searchable(name, before))
        if columns:
            made.upgrade.append(_searchable(name, columns))
            made.downgrade.insert(0, f"not_searchable({name!r})")
    return Difference(upgrade=made.upgrade, downgrade=made.downgrade, creates=made.creates, searches=bool(searching))


def _compared(item: Any, name: str | None, kind: str, reflected: bool, own: set[str]) -> bool:
    if kind == "table":
        return name in own
    return not (kind == "column" and reflected and (item.computed is not None or type_code(item.type) is None))


def _flat(container: ops.OpContainer | None) -> list[Any]:
    found: list[Any] = []
    for one in container.ops if container is not None else ():
        found += _flat(one) if isinstance(one, ops.OpContainer) else [one]
    return found


def _missing(inspector: sa.Inspector, stored: set[str], declared: DeclaredSchema, own: set[str]) -> Iterator[ListIndex]:
    """Yield the indexes of lists that the database lacks. A unique index on the first columns of one serves as well."""
    wanted = sorted({one for pages in declared.lists for one in list_indexes(pages) if one.table in own}, key=lambda one: one.name)
    for one in wanted:
        if one.table not in stored:
            keys = tuple(column.name for column in next(t for t in declared.tables if t.name == one.table).primary_key.columns)
            if keys != one.whole:
                yield one
            continue
        indexes = inspector.get_indexes(one.table)
        unique = [tuple(inspector.get_pk_constraint(one.table)["constrained_columns"])]
        unique += [tuple(map(str, index["column_names"])) for index in indexes if index["unique"]]
        known = {index["name"] for index in indexes} | {tuple(index["column_names"]) for index in indexes if not one.nulls_last}
        if one.name not in known and one.whole not in known and not any(one.whole[: len(columns)] == columns for columns in unique):
            yield one


def _searching(
    connection: sa.Connection, stored: set[str], declared: DeclaredSchema, own: set[str], dropped: set[tuple[str, str]]
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Yield the tables whose text search is not as declared, its columns, and those that it has in the database; the title is the first.

    A search that is no longer declared has no columns. It stays unless one of its columns is `dropped`.
    """
    searched = {pages.table.name for pages in declared.lists if pages.search is not None}
    for table in sorted({name for name, _ in dropped} - searched):
        before = _searched_in(connection, table)
        if dropped.intersection((table, column) for column in before):
            yield table, (), before
    wanted = {pages.table.name: pages.search.columns for pages in declared.lists if pages.search is not None and pages.search.columns}
    for table, columns in sorted(wanted.items()):
        if table not in own:
            continue
        before = _searched_in(connection, table) if table in stored else ()
        if before != (columns[0], *sorted(columns[1:])):
            yield table, columns, before


def _searched_in(connection: sa.Connection, table: str) -> tuple[str, ...]:
    title, words = (_made_of(connection, table, name) for name in ("title_key", "words"))
    return (*title, *sorted(set(words) - set(title)))


def _made_of(connection: sa.Connection, table: str, column: str) -> list[str]:
    found: list[str] = connection.exec_driver_sql(_SEARCHED, (table, column)).scalar_one()
    return found


def _searchable(table: str, columns: Sequence[str]) -> str:
    return f"searchable({', '.join(map(repr, (table, *columns)))})"


class _Renderer:
    """Alembic's operations as Python, with what each declared table needs beside them."""

    def __init__(self, context: MigrationContext, tables: Mapping[str, DeclaredTable], defaults: Mapping[tuple[str, str], str]) -> None:
        self._context, self._tables, self._defaults = context, tables, defaults

    def upgrade(self, one: Any) -> Iterator[str]:
        """Yield the statements of one operation."""
        if isinstance(one, ops.AddColumnOp) and not one.column.nullable:
            yield from self._filled(one)
            return
        required = isinstance(one, ops.AlterColumnOp) and one.modify_nullable is False
        if required and (value := self._defaults.get((one.table_name, one.column_name))) is not None:
            statement = f"update {one.table_name} set {one.column_name} = {value} where {one.column_name} is null"
            yield f"op.execute(sa.text({statement.replace(':', chr(92) + ':')!r}))"  # otherwise sa.text reads a parameter
        yield self.code(one)
        if isinstance(one, ops.CreateTableOp):
            yield from self._protected(self._tables[one.table_name])

    def code(self, one: Any) -> str:
        """Return the statement of one operation, without Alembic's comments."""
        text = render_python_code(ops.UpgradeOps([one]), migration_context=self._context, render_item=self._context.opts["render_item"])
        return "\n".join(line.strip() for line in text.splitlines() if not line.strip().startswith("#"))

    @staticmethod
    def _protected(table: DeclaredTable) -> Iterator[str]:
        name, kind, owner = table.name, ownership(table), owner_column(table)
        if kind is Ownership.USER:
            yield f"ddl.protect({name!r}, {owner!r}, ddl.Ownership.USER)"
        elif kind is Ownership.TENANT:
            rows = public_rows(table)
            arguments = [repr(name), *([] if owner == "tenant_id" else [repr(owner)])]
            arguments += [] if rows is None else rows.arguments()
            yield f"ddl.protect({', '.join(arguments)})"
        granted = tuple(one.lower() for one in privileges(table) if one in ROW_PRIVILEGES)
        if len(granted) == len(ROW_PRIVILEGES):
            yield f"ddl.grant({name!r}, app=ddl.READ_WRITE)"
        elif granted:
            yield f"ddl.grant({name!r}, app={granted!r})"

    def _filled(self, one: ops.AddColumnOp) -> Iterator[str]:
        """A column that is never null: rows that exist get the default of the attribute, and PostgreSQL forgets it again."""
        table, column = one.table_name, one.column
        value = self._defaults.get((table, column.name))
        if value is None:
            place = declared_at(self._tables[table])
            raise ConfigurationError(
                f"{place}: the column {column.name!r} of {table!r} is never null, and rows that exist have no value. "
                "Give the attribute a default, let it be None, or write the revision by hand: `api-base migrate new` without --auto."
            )
        code, value = type_code(column.type) or repr(column.type), value.replace(":", "\\:")  # otherwise sa.text reads a parameter
        yield f"op.add_column({table!r}, sa.Column({column.name!r}, {code}, nullable=False, server_default=sa.text({value!r})))"
        yield f"op.alter_column({table!r}, {column.name!r}, server_default=None)"
