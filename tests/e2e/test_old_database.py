"""A database from before 0.1.0: every command that needs the schema refuses it in one sentence and leaves it as it is."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.e2e.processes import free_port, run

pytestmark = pytest.mark.slow

OLD_HEADS = ("audit_0001", "auth_0002", "events_0001", "idempotency_0001", "items_0002", "tasks_0002", "tenants_0002", "users_0002")
"""What `alembic_version` held after `migrate up` of the last commit with four-digit revisions."""

SENTENCE = (
    f"The database was created by a version before 0.1.0 (revisions {', '.join(OLD_HEADS)}), which this version cannot migrate and does not "
    "change: export it with `api-base db dump FILE` (your own server: `pg_dump`), then start with an empty database (move the folder "
    "`postgres` out of DATABASE__DATA_DIR, or set the DATABASE__…URL variables to a new database)."
)
CONTENTS = """
select format('%s %s %s', relname, relkind, relacl) from pg_class where relnamespace = 'public'::regnamespace
union all select version_num from alembic_version union all select sku from items
union all select extname from pg_extension union all select proname from pg_proc where pronamespace = 'public'::regnamespace
order by 1
"""


@pytest.fixture
def old(new_database: Callable[[], Urls]) -> Urls:
    urls = new_database()
    asyncio.run(
        query(
            urls,
            "create table alembic_version (version_num varchar(32) primary key)",
            "grant select on alembic_version to app, worker",
            f"insert into alembic_version values {', '.join(f"('{head}')" for head in OLD_HEADS)}",
            "create table items as select 'CHAIR-1' as sku",
        )
    )
    return urls


async def query(urls: Urls, *statements: str) -> list[str]:
    connection = await asyncpg.connect(urls.owner)
    try:
        return [row[0] for statement in statements for row in await connection.fetch(statement)]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("migrate", "up"), 2),
        (("migrate", "status"), 2),
        (("migrate", "down", "items"), 2),
        (("serve",), 2),
        (("worker",), 2),
        (("doctor",), 1),
    ],
)
def test_a_database_from_before_0_1_0_is_refused_and_not_changed(old: Urls, tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    """In development, where `serve` would migrate what is pending; elsewhere nothing migrates by itself."""
    before = asyncio.run(query(old, CONTENTS))
    variables = {f"DATABASE__{role}": getattr(old, name) for role, name in ROLES.items()}
    done = run(tmp_path, *arguments, SERVER__PORT=str(free_port()), **variables)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert [line.partition(": ")[2].removeprefix("schema: ") for line in lines_about_revisions(done.stdout + done.stderr)] == [SENTENCE]
    assert asyncio.run(query(old, CONTENTS)) == before


ROLES = {"URL": "app", "OWNER_URL": "owner", "WORKER_URL": "worker", "DIRECT_URL": "direct"}


def lines_about_revisions(output: str) -> list[str]:
    return [line for line in output.splitlines() if "before 0.1.0" in line]
