"""Every revision goes up, down and up again, and leaves what the tables in code say."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import sqlalchemy as sa

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, Unavailable
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revisions import read
from api_base.infrastructure.db.schema import sql_type

SCHEMA = """
select 'table ' || c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
from pg_class c join pg_attribute a on a.attrelid = c.oid and attnum > 0 and not attisdropped
where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
union all select 'privilege ' || relname || ' ' || relacl::text from pg_class where relnamespace = 'public'::regnamespace and relacl is not null
union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace
union all select 'policy ' || polrelid::regclass || ' ' || polname || ' ' || coalesce(pg_get_expr(polqual, polrelid), '') from pg_policy
union all select 'function ' || oid::regprocedure || ' ' || proowner::regrole || ' ' || coalesce(proacl::text, '') || ' ' || prosrc from pg_proc
    where pronamespace = 'public'::regnamespace and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
union all select 'trigger ' || tgrelid::regclass || ' ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all select 'extension ' || extname from pg_extension
union all select 'schema ' || nspacl::text from pg_namespace where nspname = 'public'
order by 1
"""


async def fetch(dsn: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


def schema(urls: Urls) -> list[str]:
    return [row[0] for row in asyncio.run(fetch(urls.owner, SCHEMA))]


@pytest.mark.slow
def test_each_revision_goes_up_down_and_up_again(new_database: Callable[[], Urls], settings: Settings, contexts: Sequence[Context]) -> None:
    urls = new_database()
    revisions = read(migrations.branches(contexts))
    empty = schema(urls)
    assert set(migrations.up(settings, urls, contexts)) == set(revisions)
    whole = schema(urls)

    assert sorted(take_all_down(urls, settings, contexts)) == sorted(revisions)
    assert [line for line in schema(urls) if "alembic_version" not in line] == empty

    assert set(migrations.up(settings, urls, contexts)) == set(revisions)
    assert schema(urls) == whole


def take_all_down(urls: Urls, settings: Settings, contexts: Sequence[Context]) -> list[str]:
    """One revision after the other, those first that no other context depends on."""
    undone: list[str] = []
    while applied := [state.context for state in migrations.status(urls, contexts) if state.current]:
        before = len(undone)
        for name in applied:
            with contextlib.suppress(ConfigurationError):
                undone += migrations.down(settings, urls, name, contexts=contexts)
        assert len(undone) > before, f"none of {applied} can be taken down"
    return undone


def test_migrating_again_does_nothing(migrated: Urls, settings: Settings, contexts: Sequence[Context]) -> None:
    assert migrations.up(settings, migrated, contexts) == []


def test_status_and_head_tell_what_is_pending(new_database: Callable[[], Urls], settings: Settings, contexts: Sequence[Context]) -> None:
    urls = new_database()
    assert not migrations.at_head(urls, contexts)
    migrations.up(settings, urls, contexts)
    assert migrations.at_head(urls, contexts)
    assert all(s.current == s.head and not s.pending for s in migrations.status(urls, contexts))

    migrations.down(settings, urls, "audit", contexts=contexts)
    assert not migrations.at_head(urls, contexts)
    audit = next(s for s in migrations.status(urls, contexts) if s.context == "audit")
    assert (audit.current, audit.pending) == ("audit_001", ("audit_002",))


def test_what_others_build_upon_stays(migrated: Urls, settings: Settings, contexts: Sequence[Context]) -> None:
    with pytest.raises(ConfigurationError, match="depend on base_001"):
        migrations.down(settings, migrated, "base", contexts=contexts)
    with pytest.raises(ConfigurationError, match="has 2 applied revisions, so 3 cannot be undone"):
        migrations.down(settings, migrated, "audit", 3, contexts=contexts)
    assert migrations.at_head(migrated, contexts)


def test_a_database_of_a_newer_version_is_left_alone(migrated: Urls, settings: Settings, contexts: Sequence[Context]) -> None:
    asyncio.run(fetch(migrated.owner, "update alembic_version set version_num = 'audit_999' where version_num = 'audit_002'"))
    with pytest.raises(ConfigurationError, match="audit_999.*newer version"):
        migrations.up(settings, migrated, contexts)


def test_a_server_that_is_not_there_is_told(migrated: Urls, settings: Settings, contexts: Sequence[Context], tmp_path: Path) -> None:
    nowhere = replace(migrated, owner=f"postgresql://owner@/x?host={tmp_path}")
    with pytest.raises(Unavailable, match="cannot be reached"):
        migrations.up(settings, nowhere, contexts)


WITHOUT_DECLARATION: Final = {("items", "title_key", "text"), ("items", "words", "tsvector"), ("search_documents", "words", "tsvector")}
"""Columns that PostgreSQL generates, and reads in functions of text search: no statement of the application names them."""


def test_the_schema_is_what_the_tables_say(shared_migrated: Urls, tables: list[sa.Table]) -> None:
    found = asyncio.run(
        fetch(
            shared_migrated.owner,
            """
            select c.relname as table, a.attname as name, replace(format_type(a.atttypid, null), 'timestamp with time zone', 'timestamptz') as type,
                   a.attnotnull as not_null, coalesce(collname, '') as collation
            from pg_class c join pg_attribute a on a.attrelid = c.oid and attnum > 0 and not attisdropped
            left join pg_collation k on k.oid = a.attcollation
            where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'
            """,
        )
    )
    textual = ("text", "text[]")
    expected = {
        (table.name, column.name, sql_type(column), not column.nullable, "C" if sql_type(column) in textual else "")
        for table in tables
        for column in table.columns
    }
    read_by_functions = {(*row, False, "C" if row[2] == "text" else "") for row in WITHOUT_DECLARATION}
    assert {tuple(row.values()) for row in found} == expected | read_by_functions


def test_keys_and_constraints_are_what_the_tables_say(shared_migrated: Urls, tables: list[sa.Table]) -> None:
    """Names too: code tells by its name what the violation of a constraint means."""
    sql = """
        select conrelid::regclass::text, contype::text, conname, coalesce(nullif(confrelid, 0)::regclass::text, ''),
               array(select attname::text from unnest(conkey) with ordinality k(n, i) join pg_attribute on attrelid = conrelid and attnum = n order by i)
        from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c') and conrelid <> 0
          and conrelid::regclass::text <> 'alembic_version' and not (select relispartition from pg_class where oid = conrelid)
    """
    found = {(*row[:4], () if row[1] == "c" else tuple(row[4])) for row in asyncio.run(fetch(shared_migrated.owner, sql))}
    named = [(table, one) for table in tables for one in table.constraints if not isinstance(one, sa.PrimaryKeyConstraint) or one.columns]
    assert found == {described(table, constraint) for table, constraint in named}


def described(table: sa.Table, constraint: sa.Constraint) -> tuple[str, str, str, str, tuple[str, ...]]:
    match constraint:
        case sa.PrimaryKeyConstraint():
            return table.name, "p", str(constraint.name or f"{table.name}_pkey"), "", tuple(column.name for column in constraint.columns)
        case sa.UniqueConstraint():
            return table.name, "u", str(constraint.name), "", tuple(column.name for column in constraint.columns)
        case sa.ForeignKeyConstraint():
            return table.name, "f", str(constraint.name), constraint.referred_table.name, tuple(constraint.column_keys)
        case _:
            return table.name, "c", str(constraint.name), "", ()


def test_indexes_that_the_tables_declare_are_there(shared_migrated: Urls, tables: list[sa.Table]) -> None:
    sql = """
        select c.relname, i.relname, indisunique,
               array(select coalesce(pg_get_indexdef(indexrelid, n, true), '') from generate_series(1, indnkeyatts) n)
        from pg_index join pg_class c on c.oid = indrelid join pg_class i on i.oid = indexrelid where c.relnamespace = 'public'::regnamespace
    """
    found = {(row[0], row[1], row[2], tuple(row[3])) for row in asyncio.run(fetch(shared_migrated.owner, sql))}
    declared = {
        (table.name, index.name, bool(index.unique), tuple(c.name for c in index.columns)) for table in tables for index in table.indexes
    }
    assert declared <= found


def test_a_start_compares_heads_without_loading_alembic(migrated: Urls) -> None:
    script = (
        "import sys; from api_base.bootstrap import migrations; from api_base.infrastructure.db.embedded import Urls; "
        f"print(migrations.at_head({migrated!r}, []), 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
