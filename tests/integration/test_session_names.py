"""Operators tell the sessions of an application apart in `pg_stat_activity`: what serves, what listens, what migrates."""

import asyncio
from collections.abc import Sequence

import asyncpg
import sqlalchemy as sa

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.notifications import NotificationListener
from tests.application import settings_on
from tests.support import stored

NAMES = "select distinct application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


async def test_each_kind_of_session_has_its_name(migrated: Urls, admin_of_migrated: str, contexts: Sequence[Context]) -> None:
    listening = asyncio.Event()
    listener = NotificationListener(migrated.direct, "a", lambda payload: None, listening.set)
    async with stored(migrated):
        await listener.open()
        await asyncio.wait_for(listening.wait(), 10)
        admin = await asyncpg.connect(admin_of_migrated)
        try:
            named = {row[0] for row in await admin.fetch(NAMES)}
            migrating = await migrations.migrator(settings_on(migrated), migrated, contexts).inspect(name)
        finally:
            await admin.close()
            await listener.close()
    assert (named, migrating) == ({"api-base", "api-base-listener"}, "api-base-migrate")


def name(connection: sa.Connection) -> str:
    found: str = connection.exec_driver_sql("select current_setting('application_name')").scalar_one()
    return found
