"""Migrations beside other processes, and revisions that a context of one's own brings."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import sqlalchemy as sa

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.config.database import DatabaseSettings
from api_base.core.errors import ConfigurationError, Unavailable
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revisions import read
from api_base.infrastructure.db.migrations.roles import Roles
from api_base.infrastructure.db.migrations.runner import KEY, MigrationTimeouts, Migrator
from api_base.infrastructure.db.schema import tenant_owned, text
from api_base.infrastructure.db.table_check import TableCheck
from tests.isolation import child_setup

ONE_PROCESS = """
import json, sys
from pathlib import Path
from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls
given = json.load(sys.stdin)
from api_base.bootstrap.contexts import BUILT_IN
tables = {context.name: context.tables for context in BUILT_IN}
contexts = [Context(name=name, migrations=Path(folder), tables=tables.get(name, ())) for name, folder in given["contexts"]]
urls = Urls(**given["urls"])
print(json.dumps([migrations.up(Settings(_env_file=None), urls, contexts), migrations.at_head(urls, contexts)]))
"""


@pytest.fixture
def notes(tmp_path: Path) -> Context:
    """A context of an outside package, with one tenant-owned table."""
    context = Context(name="notes", migrations=tmp_path / "notes" / "migrations", tables=[NOTES])
    add(
        context,
        "create notes",
        up=(
            'op.execute("create table notes (tenant_id uuid, id uuid, body text not null, primary key (tenant_id, id))")',
            'ddl.protect("notes")',
            'ddl.grant("notes", app=ddl.READ_WRITE)',
        ),
        down=('op.execute("drop table notes")',),
    )
    return context


NOTES: Final = tenant_owned(
    "notes",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("body", text(), nullable=False),
)


def add(context: Context, message: str, *, up: Sequence[str], down: Sequence[str] = ("pass",)) -> Path:
    """Write the next revision as a person would: made by `new`, then filled in."""
    path = migrations.new(context.name, message, [context])
    first, second, third = path.read_text().split("raise NotImplementedError")
    path.write_text(first + "\n    ".join(up) + second + "\n    ".join(down) + third)
    return path


def migrator(urls: Urls, contexts: Sequence[Context], **timeouts: float) -> Migrator:
    given: dict[str, Any] = {"lock_timeout": 0.05, "attempts": 2, "retry_delay": 0.01} | timeouts
    return Migrator(
        dsn=urls.owner,
        roles=Roles(app="app", worker="worker", search="search"),
        branches=migrations.branches(contexts),
        timeouts=MigrationTimeouts(**given),
        check=TableCheck(migrations.tables(contexts), app="app", worker="worker"),
    )


@pytest.mark.slow
def test_many_processes_at_once_migrate_once(new_database: Callable[[], Urls], contexts: Sequence[Context]) -> None:
    urls = new_database()
    given = json.dumps(
        {
            "contexts": [(context.name, str(context.migrations)) for context in contexts],
            "urls": {"owner": urls.owner, "app": urls.app, "worker": urls.worker, "direct": urls.direct},
        }
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=child_setup()
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
    answers = [json.loads(process.stdout.read()) for process in processes if process.stdout is not None]
    assert [process.wait() for process in processes] == [0] * 6

    applied = [applied for applied, _ in answers if applied]
    assert len(applied) == 1
    assert len(applied[0]) == len(set(applied[0])) >= 2 + len(contexts)
    assert all(at_head for _, at_head in answers)


def test_who_waits_too_long_for_its_turn_is_told(migrated: Urls, contexts: Sequence[Context]) -> None:
    async def both() -> None:
        other = await asyncpg.connect(migrated.owner)
        await other.execute(f"select pg_advisory_lock({KEY})")
        with pytest.raises(Unavailable, match="Another process has been migrating"):
            await migrator(migrated, contexts, wait_timeout=0.1).up()
        await other.close()
        assert await migrator(migrated, contexts).up() == []

    asyncio.run(both())


def test_a_blocked_migration_gives_up_with_a_sentence_and_keeps_what_was_done(
    migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context
) -> None:
    migrations.up(settings, migrated, [*contexts, notes])
    add(notes, "add colour", up=('op.execute("create table colours (id uuid)")',))
    add(notes, "add column", up=('op.execute("alter table notes add column colour text")',))

    async def blocked() -> None:
        reader = await asyncpg.connect(migrated.app)
        await reader.execute("begin")
        await reader.execute("select from notes")
        with pytest.raises(Unavailable) as told:
            await migrator(migrated, [*contexts, notes]).up()
        assert "gave up after 2 attempts of 0.05 s" in str(told.value)
        assert "alter table notes add column colour text" in str(told.value)
        assert [s.pending for s in await asyncio.to_thread(migrations.status, migrated, [notes])][-1] == ("notes_003",)
        await reader.close()

    asyncio.run(blocked())
    assert migrations.up(settings, migrated, [*contexts, notes]) == ["notes_003"]


def test_a_migration_that_is_blocked_for_a_while_gets_through(
    migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context
) -> None:
    migrations.up(settings, migrated, [*contexts, notes])
    add(notes, "add column", up=('op.execute("alter table notes add column colour text")',))

    async def released() -> list[str]:
        reader = await asyncpg.connect(migrated.app)
        watcher = await asyncpg.connect(migrated.owner)
        await reader.execute("begin")
        await reader.execute("select from notes")
        moving = asyncio.create_task(migrator(migrated, [*contexts, notes], attempts=500).up())
        while not await watcher.fetchval("select exists (select from pg_locks where not granted and relation = 'notes'::regclass)"):
            await asyncio.sleep(0)
        await reader.execute("commit")
        applied = await moving
        await reader.close()
        await watcher.close()
        return applied

    assert asyncio.run(released()) == ["notes_002"]


def test_a_failed_revision_leaves_nothing(migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context) -> None:
    add(notes, "break", up=('op.execute("create table half (id uuid)")', 'op.execute("select 1 / 0")'))
    with pytest.raises(ConfigurationError) as failed:
        migrations.up(settings, migrated, [*contexts, notes])
    assert str(failed.value) == (
        "The migration failed and was rolled back: a value does not fit its column or operation (SQLSTATE 22012). "
        "The statement is: select 1 / 0. PostgreSQL reports 'division by zero'. Correct the revision, then run `api-base migrate up` again."
    )
    assert [s.current for s in migrations.status(migrated, [notes])][-1] == "notes_001"
    assert asyncio.run(value(migrated.owner, "select to_regclass('half')")) is None


async def value(dsn: str, sql: str, *arguments: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


def test_a_data_migration_sees_every_tenants_rows(
    postgres: Any, migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context
) -> None:
    migrations.up(settings, migrated, [*contexts, notes])
    asyncio.run(
        value(postgres.admin_of(migrated), "insert into notes select gen_random_uuid(), gen_random_uuid(), 'x' from generate_series(1, 20)")
    )
    add(notes, "shout", up=('op.execute("update notes set body = upper(body)")',))
    migrations.up(settings, migrated, [*contexts, notes])
    assert asyncio.run(value(postgres.admin_of(migrated), "select count(*) from notes where body = 'X'")) == 20


def test_new_writes_into_the_owning_package(notes: Context) -> None:
    path = add(notes, 'Say "hello"\n\\ to all.', up=("pass",))
    assert path.parent == notes.migrations
    assert path.name == "002_say_hello_to_all.py"
    text = path.read_text()
    assert text.startswith('"""Say \'hello\' / to all."""\n')
    assert 'down_revision = "notes_001"' in text
    compile(text, path, "exec")
    first = next(notes.migrations.glob("001_*")).read_text()  # type: ignore[union-attr]
    assert 'branch_labels = ("notes",)' in first
    assert 'depends_on = ("base_001",)' in first


def test_new_refuses_a_context_that_is_not_there(notes: Context) -> None:
    with pytest.raises(
        ConfigurationError, match="No context named 'nots' has migrations. Known: audit, base, events, idempotency, importing, notes"
    ):
        migrations.new("nots", "add", [notes])


@pytest.mark.parametrize(
    ("id", "follows", "sentence"),
    [
        ("notes_002", None, "notes_001 and notes_002 both follow nothing"),
        ("notes_002", "notes_007", "follow a revision that does not exist: notes_002"),
        ("notes_002", "notes_002", "notes_002 depend on each other in a circle"),
        ("notes_001", "notes_001", "Two files have the revision id notes_001: .* and "),
        ("", None, "has no line `revision"),
    ],
)
def test_revisions_that_are_no_line_are_refused(
    notes: Context, contexts: Sequence[Context], migrated: Urls, settings: Settings, id: str, follows: str | None, sentence: str
) -> None:
    text = f"revision = {id!r}\ndown_revision = {follows!r}\n"
    assert notes.migrations is not None
    (notes.migrations / "009_wrong.py").write_text(text if id else "x = 1\n")
    with pytest.raises(ConfigurationError, match=sentence):
        migrations.up(settings, migrated, [*contexts, notes])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"revision = 'notes_002'\ndown_revision = ('notes_001', 'base_001')\n", "has several revisions as down_revision"),
        (
            b"revision = 'notes_002'\ndown_revision = 'notes_001'\ndepends_on = 'lost_001'\n",
            "notes_002 depends on lost_001, which no context",
        ),
        (
            b"revision = 'notes_002'\ndown_revision = 'notes_001'\ndepends_on = ('notes_003',)\n",
            "notes_002 depends on notes_003, which",
        ),
        (b"revision = 'notes_002'\ndef upgrade(:\n", "is not Python: there is a syntax error in line 2"),
        (b"revision = '\xff'\n", "is not Python: it contains bytes that are not UTF-8"),
        (b"revision = '\0'\n", "is not Python: "),
    ],
)
def test_a_file_that_is_no_revision_of_the_line_is_refused(
    notes: Context, contexts: Sequence[Context], content: bytes, sentence: str
) -> None:
    assert notes.migrations is not None
    (notes.migrations / "0009_wrong.py").write_bytes(content)
    with pytest.raises(ConfigurationError, match=sentence):
        read(migrations.branches([*contexts, notes]))


def test_dependencies_that_form_a_circle_are_refused(notes: Context, contexts: Sequence[Context], tmp_path: Path) -> None:
    other = Context(name="other", migrations=tmp_path / "other")
    assert notes.migrations is not None
    assert other.migrations is not None
    other.migrations.mkdir()
    (other.migrations / "0001_first.py").write_text("revision = 'other_001'\ndown_revision = None\ndepends_on = ('notes_002',)\n")
    (notes.migrations / "0002_second.py").write_text("revision = 'notes_002'\ndown_revision = 'notes_001'\ndepends_on = ('other_001',)\n")
    with pytest.raises(ConfigurationError, match="The revisions notes_002, other_001 depend on each other in a circle"):
        read(migrations.branches([*contexts, notes, other]))


def test_a_version_table_that_contradicts_the_revisions_is_one_sentence(
    migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context
) -> None:
    migrations.up(settings, migrated, [*contexts, notes])
    add(notes, "second", up=("pass",))
    add(notes, "third", up=("pass",))
    asyncio.run(value(migrated.owner, "insert into alembic_version values ('notes_002')"))
    with pytest.raises(ConfigurationError, match="alembic_version contradicts the revisions on disk") as refused:
        migrations.up(settings, migrated, [*contexts, notes])
    assert "overlaps" not in str(refused.value)


def test_a_missing_role_for_search_is_told_with_its_cure(new_database: Callable[[], Urls], contexts: Sequence[Context]) -> None:
    settings = Settings(_env_file=None, database=DatabaseSettings(search_role="absent"))
    with pytest.raises(ConfigurationError, match='create role "absent" nologin; grant "absent" to "owner"'):
        migrations.up(settings, new_database(), contexts)


def test_what_an_owner_may_not_do_is_told(migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context) -> None:
    add(notes, "make a role", up=('op.execute("create role intruder")',))
    with pytest.raises(ConfigurationError, match="DATABASE__OWNER_URL lacks a privilege that a migration needs: create role intruder."):
        migrations.up(settings, migrated, [*contexts, notes])
