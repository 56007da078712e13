"""Every revision goes up, down and up again, and leaves what the tables in code say."""

import asyncio
import contextlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

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
where relkind = 'r' and relnamespace = 'public'::regnamespace
union all select 'privilege ' || relname || ' ' || relacl::text from pg_class where relnamespace = 'public'::regnamespace and relacl is not null
union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace
union all select 'policy ' || polrelid::regclass || ' ' || polname || ' ' || coalesce(pg_get_expr(polqual, polrelid), '') from pg_policy
union all select 'function ' || oid::regprocedure || ' ' || proowner::regrole || ' ' || proacl::text from pg_proc
    where pronamespace = 'public'::regnamespace and proowner <> 'postgres'::regrole and proacl is not null
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
    assert (audit.current, audit.pending) == (None, ("audit_0001",))


def test_what_others_build_upon_stays(migrated: Urls, settings: Settings, contexts: Sequence[Context]) -> None:
    with pytest.raises(ConfigurationError, match="depend on base_0001"):
        migrations.down(settings, migrated, "base", contexts=contexts)
    with pytest.raises(ConfigurationError, match="has 1 applied revisions: 2 cannot be undone"):
        migrations.down(settings, migrated, "audit", 2, contexts=contexts)
    assert migrations.at_head(migrated, contexts)


def test_a_database_of_a_newer_version_is_left_alone(migrated: Urls, settings: Settings, contexts: Sequence[Context]) -> None:
    asyncio.run(fetch(migrated.owner, "update alembic_version set version_num = 'audit_9999' where version_num = 'audit_0001'"))
    with pytest.raises(ConfigurationError, match="audit_9999.*newer version"):
        migrations.up(settings, migrated, contexts)


def test_a_server_that_is_not_there_is_told(migrated: Urls, settings: Settings, contexts: Sequence[Context], tmp_path: Path) -> None:
    nowhere = replace(migrated, owner=f"postgresql://owner@/x?host={tmp_path}")
    with pytest.raises(Unavailable, match="cannot be reached"):
        migrations.up(settings, nowhere, contexts)


def declared_tables(contexts: Sequence[Context]) -> list[sa.Table]:
    """The tables in the `tables.py` beside each migrations folder."""
    names = ["audit", *(context.name for context in contexts)]
    modules = [importlib.import_module(f"api_base.infrastructure.{name}.tables") for name in names]
    return [table for module in modules for table in module.METADATA.sorted_tables]


def test_the_schema_is_what_the_tables_say(shared_migrated: Urls, contexts: Sequence[Context]) -> None:
    found = asyncio.run(
        fetch(
            shared_migrated.owner,
            """
            select c.relname as table, a.attname as name, replace(format_type(a.atttypid, null), 'timestamp with time zone', 'timestamptz') as type,
                   a.attnotnull as not_null, coalesce(collname, '') as collation
            from pg_class c join pg_attribute a on a.attrelid = c.oid and attnum > 0 and not attisdropped
            left join pg_collation k on k.oid = a.attcollation
            where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'
            """,
        )
    )
    textual = ("text", "text[]")
    expected = {
        (table.name, column.name, sql_type(column), not column.nullable, "C" if sql_type(column) in textual else "")
        for table in declared_tables(contexts)
        for column in table.columns
    }
    assert {tuple(row.values()) for row in found} == expected


def test_keys_and_constraints_are_what_the_tables_say(shared_migrated: Urls, contexts: Sequence[Context]) -> None:
    """Names too: code maps the violation of a constraint to what it means by its name. Indexes belong to the migrations alone."""
    sql = """
        select conrelid::regclass::text as table, contype::text as kind, conname as name,
               array(select attname::text from unnest(conkey) with ordinality k(n, i) join pg_attribute on attrelid = conrelid and attnum = n order by i)
        from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c') and conrelid <> 0
          and conrelid::regclass::text <> 'alembic_version'
    """
    found = {(row[0], row[1], row[2], tuple(row[3]) if row[1] != "c" else ()) for row in asyncio.run(fetch(shared_migrated.owner, sql))}
    expected = {constraint for table in declared_tables(contexts) for constraint in constraints(table)}
    assert found == expected


def constraints(table: sa.Table) -> list[tuple[str, str, str, tuple[str, ...]]]:
    kinds = {sa.PrimaryKeyConstraint: "p", sa.UniqueConstraint: "u", sa.ForeignKeyConstraint: "f", sa.CheckConstraint: "c"}
    return [
        (
            table.name,
            kinds[type(constraint)],
            str(constraint.name or f"{table.name}_pkey"),
            () if isinstance(constraint, sa.CheckConstraint) else tuple(column.name for column in constraint.columns),  # type: ignore[attr-defined]
        )
        for constraint in table.constraints
    ]
