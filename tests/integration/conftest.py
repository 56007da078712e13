"""The world of the tests of bad input: an open application with one item."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tests.integration.bad_input import World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_migrated: Urls, postgres: Any) -> AsyncIterator[World]:
    async with running(settings_on(shared_migrated)) as api:
        database = await asyncpg.connect(postgres.admin_of(shared_migrated))
        person = await api.person()
        yield World(api, database, person, (await api.item(person))["id"])
        await database.close()
