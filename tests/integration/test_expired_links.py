"""The worker clears away what is over, and nothing else: registrations, password resets, invitations, devices."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from api_base.infrastructure.auth.expiry import device_expiry
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import PoolOptions
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.tenants.expiry import invitation_expiry
from api_base.infrastructure.users.expiry import registration_expiry, reset_expiry

NOW = datetime.now(UTC)
TENANT = uuid4()
ROWS = {
    "registrations": ("insert into registrations values ($1, 'a@b.example', 'Ana', 'h', 'en', 1, $2, $2, null)", timedelta(days=1)),
    "password_resets": (f"insert into password_resets values ('{uuid4()}', $1, 1, $2, $2, null)", timedelta(days=1)),
    "invitations": (
        f"insert into invitations values ('{TENANT}', $1, 'a@b.example', 'member', 'en', gen_random_uuid(), 1, $2, $2, null)",
        timedelta(days=30),
    ),
    "devices": (f"insert into devices values ('{uuid4()}', $1, 'curl', '203.0.113.7', 1, $2, $2)", timedelta(days=180)),
}
"""How a row that ended at a time is made, and how long it is kept after that."""

EXPIRIES = {
    "registrations": registration_expiry,
    "password_resets": reset_expiry,
    "invitations": invitation_expiry,
    "devices": device_expiry,
}


@pytest.mark.parametrize("table", EXPIRIES)
async def test_what_ended_long_ago_is_cleared_away(migrated: Urls, table: str) -> None:
    insert, kept = ROWS[table]
    owner = await asyncpg.connect(migrated.owner)
    await owner.execute("insert into tenants values ($1, 'n', 'slug', false, 1, $2, $2)", TENANT, NOW)
    young = uuid4()
    for id, age in ((uuid4(), kept + timedelta(hours=1)), (young, kept - timedelta(hours=1)), (uuid4(), kept * 9)):
        await owner.execute(insert, id, NOW - age)
    worker = Database(migrated.worker, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
    await worker.open()
    assert await EXPIRIES[table](worker).run() is False
    await worker.close()
    assert [row["id"] for row in await owner.fetch(f"select id from {table}")] == [young]
    await owner.close()
