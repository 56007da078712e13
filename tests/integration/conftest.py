"""What several modules of integration tests use: the world of bad input, an open application with one item, and settings of the cache."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
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


@pytest.fixture(params=["memory", "redis", "tiered"])
def cache(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of the cache. A call may take long, since the machine may be busy."""
    if request.param == "memory":
        return {}
    url = request.getfixturevalue("redis_url")
    return {"url": f"tiered+{url}" if request.param == "tiered" else url, "prefix": uuid4().hex, "timeout_seconds": 5}
