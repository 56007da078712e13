"""Migrations beside other processes, and revisions that a context of one's own brings."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.core.config.database import DatabaseSettings
from api_base.core.errors import ConfigurationError, Unavailable
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.lock import KEY
from api_base.infrastructure.db.migrations.roles import Roles
from api_base.infrastructure.db.migrations.runner import MigrationTimeouts, Migrator
from tests.isolation import child_setup

ONE_PROCESS = """
import json, sys
from pathlib import Path
from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls
given = json.load(sys.stdin)
contexts = [Context(name=name, migrations=Path(folder)) for name, folder in given["contexts"]]
urls = Urls(**given["urls"])
print(json.dumps([migrations.up(Settings(_env_file=None), urls, contexts), migrations.at_head(urls, contexts)]))
"""


@pytest.fixture
def notes(tmp_path: Path) -> Context:
    """A context of an outside package, with one tenant-owned table."""
    context = Context(name="notes", migrations=tmp_path / "notes" / "migrations")
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


def add(context: Context, message: str, *, up: Sequence[str], down: Sequence[str] = ("pass",)) -> Path:
    """Write the next revision as a person would: made by `new`, then filled in."""
    path = migrations.new(context.name, message, [context])
    first, second, third = path.read_text().split("raise NotImplementedError")
    path.write_text(first + "\n    ".join(up) + second + "\n    ".join(down) + third)
    return path


def migrator(urls: Urls, contexts: Sequence[Context], **patience: float) -> Migrator:
    given: dict[str, Any] = {"lock_timeout": 0.05, "attempts": 2, "pause": 0.01} | patience
    return Migrator(
        dsn=urls.owner,
        roles=Roles(app="app", worker="worker", search="search"),
        branches=migrations.branches(contexts),
        patience=MigrationTimeouts(**given),
    )


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
            await migrator(migrated, contexts, turn=0.1).up()
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
    with pytest.raises(Exception, match="division by zero"):
        migrations.up(settings, migrated, [*contexts, notes])
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


def test_a_missing_role_for_search_is_told_with_its_cure(new_database: Callable[[], Urls], contexts: Sequence[Context]) -> None:
    settings = Settings(_env_file=None, database=DatabaseSettings(search_role="absent"))
    with pytest.raises(ConfigurationError, match='create role "absent" nologin; grant "absent" to "owner"'):
        migrations.up(settings, new_database(), contexts)


def test_what_an_owner_may_not_do_is_told(migrated: Urls, settings: Settings, contexts: Sequence[Context], notes: Context) -> None:
    add(notes, "make a role", up=('op.execute("create role intruder")',))
    with pytest.raises(ConfigurationError, match="DATABASE__OWNER_URL lacks a privilege that a migration needs.*create role intruder"):
        migrations.up(settings, migrated, [*contexts, notes])
