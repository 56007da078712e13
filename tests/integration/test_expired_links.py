"""The worker clears away what is over, and nothing else: registrations, password resets, invitations, sessions, tickets, devices."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.worker import create_worker
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pruner import Pruner
from api_base.infrastructure.db.session import Database
from tests.application import settings_on

NOW = datetime.now(UTC)
TENANT = uuid4()
ROWS = {
    "registrations": (
        "insert into registrations values ($1, gen_random_uuid() || '@b.example', 'Ana', 'en', 1, $2, $2, null)",
        timedelta(days=1),
    ),
    "password_resets": ("insert into password_resets values (gen_random_uuid(), $1, 1, $2, $2, null)", timedelta(days=1)),
    "invitations": (
        f"insert into invitations values ('{TENANT}', $1, gen_random_uuid() || '@b.example', 'member', 'en', gen_random_uuid(), 1, $2, $2, null)",
        timedelta(days=30),
    ),
    "sessions": (
        f"insert into sessions values ('{uuid4()}', $1, null, '', 1, '', null, null, null, 1, $2, 'infinity', $2, '', '', '', '')",
        timedelta(days=1),
    ),
    "event_tickets": (
        "insert into event_tickets values (uuid_send($1), gen_random_uuid(), gen_random_uuid(), null, null, 1, $2)",
        timedelta(),
    ),
    "devices": (f"insert into devices values ('{uuid4()}', $1, 'curl', '203.0.113.7', 1, $2, $2)", timedelta(days=180)),
}
"""How a row that ended at a time is made, and how long it is kept after that."""

PRUNES = {prune.table.name: prune for context in BUILT_IN for prune in context.prune if prune.table.name in ROWS}


@pytest.mark.parametrize("table", ROWS)
async def test_what_ended_long_ago_is_cleared_away(migrated: Urls, table: str) -> None:
    insert, kept = ROWS[table]
    key = "encode(digest, 'hex')::uuid" if table == "event_tickets" else "id"
    owner = await asyncpg.connect(migrated.owner)
    await owner.execute("insert into tenants values ($1, 'n', 'slug', false, 1, $2, $2)", TENANT, NOW)
    young = uuid4()
    for id, age in ((uuid4(), kept + timedelta(hours=1)), (young, kept - timedelta(hours=1)), (uuid4(), kept * 9)):
        await owner.execute(insert, id, NOW - age)
    worker = Database(migrated.worker, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
    await worker.open()
    assert await Pruner(worker, PRUNES[table]).run() is False
    await worker.close()
    assert [row["id"] for row in await owner.fetch(f"select {key} as id from {table}")] == [young]
    await owner.close()


def test_the_worker_prunes_every_table_that_declares_it(migrated: Urls) -> None:
    pruned = {task.name for task in create_worker(settings_on(migrated), BUILT_IN).tasks if task.name.startswith("prune ")}
    channels = ("channel_events", "channel_members", "channels", "user_channel_events", "user_channels")
    assert pruned == {
        f"prune {table}"
        for table in (
            *PRUNES,
            *channels,
            "deprecated_calls",
            "idempotency_keys",
            "imports",
            "jobs",
            "words of items",
            "words of search indexes",
        )
    }
