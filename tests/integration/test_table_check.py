"""Each protection that a migration may forget is refused: by `ddl.grant`, by `migrate up` before its commit, at start, and by the diagnosis."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, ProgrammingError
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import PoolOptions
from api_base.infrastructure.db.schema import tenant_owned, text
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.db.table_check import SQL
from api_base.operations.diagnosis import diagnose

NOTES: Final = tenant_owned(
    "notes",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("text", text(), nullable=False),
)
CREATE: Final = (
    "create table notes (tenant_id uuid not null, id uuid not null, text text not null, constraint notes_pkey primary key (tenant_id, id))"
)
MINE: Final = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
REVISION: Final = '''"""Create notes."""

from alembic import op

from api_base.infrastructure.db import ddl

revision = "notes_001"
down_revision = None
branch_labels = ("notes",)
depends_on = ("base_001",)


def upgrade() -> None:
    {body}
'''
BREAKING: Final = {
    "policies": ("alter table notes disable row level security", "no forced row-level security"),
    "force": ("alter table notes no force row level security", "no forced row-level security"),
    "own policy": ("drop policy notes_app on notes", "no policy that compares tenant_id"),
    "another setting": (
        f"drop policy notes_app on notes; create policy p on notes to app using ({MINE.replace('tenant_id', 'id', 1)})",
        "no policy that compares tenant_id",
    ),
    "a policy for all": ("create policy p on notes to public using (true)", "has the policy p"),
    "a wider policy": (f"create policy p on notes to app using ({MINE} or text = 'x')", "has the policy p"),
    "a policy for visitors": (
        f"create policy p on notes for select to app using ({MINE.replace('app.tenant_id', 'app.visited_tenant_id')})",
        "has the policy p, which gives visitors other rows than the declaration, by which no row is public",
    ),
    "policy of the worker": ("grant select on notes to worker", "so it would see no row"),
    "any grant": ("revoke all on notes from app", "is granted to no role"),
    "a grant beside policies": ("grant truncate on notes to app", "grants TRUNCATE to the serving role"),
    "a grant to all": ("grant trigger on notes to public", "grants TRIGGER to the serving role"),
    "a grant beyond a declaration": (
        "grant insert on platform_administrators to app",
        "grants INSERT to the serving role, which its declaration",
    ),
    "a grant of a column": ("grant select (hash) on user_passwords to worker", "grants SELECT to the worker, which its declaration"),
    "a grant to change the audit trail": ("grant delete on audit to worker", "grants DELETE to the worker, which its declaration"),
    "column": ("alter table notes drop column text", "no column where text TEXT"),
    "type": ("alter table notes alter column text type integer using 1", "the type integer where text TEXT"),
    "unique index": ("create unique index uq on notes (text)", "the unique index uq"),
    "exclusion": ("alter table notes add constraint ex exclude using btree (text with =)", "the unique index ex"),
    "primary key": (
        "alter table notes drop constraint notes_pkey; alter table notes add constraint notes_pkey primary key (id)",
        "the unique index notes_pkey",
    ),
    "foreign key": (
        "create unique index u on items (tenant_id, id); alter table items add unique (id);"
        "alter table notes add constraint fk foreign key (id) references items (id)",
        "the foreign key fk without tenant_id",
    ),
    "table": ("drop table notes", "does not exist"),
    "declaration": (
        "create table more (id uuid); grant select on more to app",
        "more is granted to the serving role, and no context declares",
    ),
    "view": ("create view more as select * from notes; grant select on more to app", "more is granted to the serving role"),
}


def context(folder: Path, *body: str) -> Context:
    (folder / "001_create_notes.py").write_text(REVISION.format(body="\n    ".join((f'op.execute("{CREATE}")', *body))))
    return Context(name="notes", migrations=folder, tables=[NOTES])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            ["ddl.grant('notes', app=ddl.READ_WRITE)"],
            "without a policy, but tests/integration/test_table_check.py:",
        ),
        (["op.execute('grant select on notes to app')"], "no forced row-level security: call ddl.protect"),
    ],
)
def test_a_migration_that_forgets_the_policy_is_rolled_back(
    migrated: Urls, contexts: Sequence[Context], settings: Settings, tmp_path: Path, body: list[str], why: str
) -> None:
    everything = [*contexts, context(tmp_path, *body)]
    with pytest.raises(ConfigurationError, match=why):
        migrations.up(settings, migrated, everything)
    assert asyncio.run(tables_named(migrated, "notes")) == 0
    assert not migrations.at_head(migrated, everything)


async def tables_named(urls: Urls, name: str) -> int:
    return int(await execute(urls, f"select count(*) from pg_class where relname = '{name}'") or 0)


async def execute(urls: Urls, sql: str) -> object:
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetchval(sql) if sql.startswith("select") else await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
def with_notes(migrated: Urls, contexts: Sequence[Context], settings: Settings, tmp_path: Path) -> Sequence[Context]:
    everything = [*contexts, context(tmp_path, "ddl.protect('notes')", "ddl.grant('notes', app=ddl.READ_WRITE)")]
    migrations.up(settings, migrated, everything)
    return everything


def test_each_missing_protection_is_refused_at_start(migrated: Urls, with_notes: Sequence[Context]) -> None:
    async def refusals() -> dict[str, str]:
        found = {}
        owner = await asyncpg.connect(migrated.owner)
        for name, (breaking, _) in BREAKING.items():
            transaction = owner.transaction()
            await transaction.start()
            await owner.execute(breaking)
            check = migrations.table_check(migrated, with_notes)
            rows = await owner.fetch(SQL, *check.arguments)
            await transaction.rollback()
            try:
                check.refuse(rows)
            except ConfigurationError as error:
                found[name] = str(error)
        await owner.close()
        return found

    found = asyncio.run(refusals())
    assert {name: why for name, (_, why) in BREAKING.items() if why not in found.get(name, "")} == {}, found
    assert migrations.at_head(migrated, with_notes)


def test_a_start_and_the_diagnosis_name_the_table_and_its_declaration(
    migrated: Urls, with_notes: Sequence[Context], settings: Settings
) -> None:
    asyncio.run(execute(migrated, "alter table notes no force row level security"))
    where = r"tests/integration/test_table_check.py:\d+: In PostgreSQL, the table notes has no forced row-level security"
    with pytest.raises(ConfigurationError, match=where):
        migrations.at_head(migrated, with_notes)
    with pytest.raises(ConfigurationError, match=where):
        migrations.up(settings, migrated, with_notes)
    findings = asyncio.run(diagnose(settings, migrated, with_notes))
    (schema,) = (finding for finding in findings if finding.what == "schema")
    assert not schema.well
    assert "no forced row-level security" in schema.detail


def test_a_server_process_that_does_not_know_the_worker_compares_the_rest(migrated: Urls, with_notes: Sequence[Context]) -> None:
    of_server = replace(migrated, worker=migrated.app, owner=migrated.app)
    assert migrations.at_head(of_server, with_notes)
    asyncio.run(execute(migrated, "drop policy notes_app on notes"))
    with pytest.raises(ConfigurationError, match="no policy that compares tenant_id"):
        migrations.at_head(of_server, with_notes)


def test_either_guard_alone_shows_no_foreign_row(migrated: Urls, with_notes: Sequence[Context]) -> None:
    """The check is not run here: what the database and the statement do by themselves."""
    one, other = uuid4(), uuid4()

    async def reads() -> tuple[list[object], list[object], list[object]]:
        for tenant in (one, other):
            await execute(migrated, f"insert into notes values ('{tenant}', '{uuid4()}', 'x')")
        database = Database(migrated.app, PoolOptions(size=1, acquire_timeout=5, statement_timeout=5))
        await database.open()
        statement = Statement(sa.select(NOTES.c.tenant_id).where(owned(NOTES)))
        try:
            both = await read(database, statement, one)
            without_predicate = await read(database, unguarded(), one)
            await execute(migrated, "alter table notes disable row level security")
            without_policy = await read(database, statement, one)
        finally:
            await database.close()
        return both, without_predicate, without_policy

    assert asyncio.run(reads()) == ([one], [one], [one])
    with pytest.raises(ProgrammingError, match="reads notes without naming the owner"):
        Statement(sa.select(NOTES.c.tenant_id))


async def read(database: Database, statement: Statement, tenant: UUID) -> list[object]:
    return [row["tenant_id"] for row in await database.fetch(statement, tenant)]


def unguarded() -> Statement:
    """The same statement with its predicate forgotten, as text that no check reads."""
    statement = Statement(sa.select(NOTES.c.tenant_id).where(owned(NOTES)))
    sql = statement.sql.replace("WHERE notes.tenant_id = t.id", "WHERE t.id is not null")
    assert sql != statement.sql
    statement.sql = sql
    return statement
