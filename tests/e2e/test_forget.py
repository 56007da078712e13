"""`api-base migrate forget items`: killed in the middle it has done nothing; afterwards every command agrees, and items come back empty."""

import asyncio
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import asyncpg
import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, environment, one_sentence, rows, run, serving, until
from tests.e2e.test_leaving_out import CHAIR, WITHOUT
from tests.isolation import start

WAITING: Final = "select 1 from pg_locks where relation = 'items'::regclass and not granted"
SESSIONS: Final = "select 1 from pg_stat_activity where application_name = 'api-base-migrate'"
SHOWN: Final = """\
table items: 1 row
revisions: items_001, items_002, items_003
jobs that have not ended: 1
generations of search indexes: 1
"""
JOB: Final = """
insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)
    values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'items.import', 'waiting', 0, now() + interval '1 day', 0, '{}', '', '', now(), 0)
"""


async def kill_in_the_middle(home: Path) -> None:
    """Kill the command while it waits for the table, after it has cancelled the jobs in its transaction."""
    connection = await asyncpg.connect(EmbeddedServer(home / ".api-base/postgres").administrator_url())
    await connection.execute(JOB)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("lock table items in access share mode")
    with TemporaryFile() as output:
        process = start([*COMMAND, "migrate", "forget", "items", "--yes"], cwd=home, env=environment(**WITHOUT), stdout=output)
    try:
        await asyncio.to_thread(until, lambda: rows(home, WAITING), "the wait for the table")
    finally:
        process.kill()
        process.wait()
    await transaction.rollback()
    await connection.close()
    await asyncio.to_thread(until, lambda: not rows(home, SESSIONS), "the end of the session")


@pytest.mark.slow
def test_it_is_killed_then_forgets_and_items_come_back_empty(project: Project) -> None:
    home = project.home
    assert "The context 'items' is in use" in one_sentence(run(home, "migrate", "forget", "items", "--yes"))
    with serving(home, "--no-worker") as backend:
        token = project.log_in(backend.ready())
        assert backend.request("POST", "/api/v1/items", CHAIR, token=token)[0] == 201
    with serving(home, "--no-worker", **WITHOUT) as backend:
        backend.ready()
        asyncio.run(kill_in_the_middle(home))
        shown = run(home, "migrate", "forget", "items", **WITHOUT)
        assert (shown.returncode, shown.stdout) == (
            1,
            f"{SHOWN}Nothing was dropped. To drop this permanently: api-base migrate forget items --yes\n",
        )
        trail = rows(home, "select count(*) from audit")
        dropped = run(home, "migrate", "forget", "items", "--yes", **WITHOUT)
        assert (dropped.returncode, dropped.stdout) == (0, f"{SHOWN}Dropped. The database has forgotten items.\n"), dropped
        assert rows(home, "select count(*) from audit") == trail
        again = run(home, "migrate", "forget", "items", "--yes", **WITHOUT)
        assert again.stdout == "Nothing to do: the database has nothing of items.\n"
        assert run(home, "doctor", **WITHOUT).returncode == 0
        assert run(home, "check", **WITHOUT).stdout == f"The wiring of {len(BUILT_IN) - 1} contexts is sound.\n"
        assert run(home, "migrate", "status", **WITHOUT).returncode == 0
        assert run(home, "migrate", "status").returncode == 1
        assert backend.request("GET", "/health/ready")[0] == 200
    with serving(home, "--no-worker") as backend:
        token = project.log_in(backend.ready())
        assert backend.request("GET", "/api/v1/items", token=token)[1]["items"] == []
        assert run(home, "migrate", "status").returncode == 0
