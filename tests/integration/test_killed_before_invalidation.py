"""A process that is killed between its commit and the invalidation leaves nothing stale: the commit itself notifies the others."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import UUID

import pytest

from api_base.application.tenants.queries import GetTenant
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.integration.killed_writer import loaded_parent, rename_and_die

KILLS: Final = int(os.environ.get("CACHE_KILLS", "50"))
WITHIN: Final = 1.0
"""Seconds. A result that no notification ends is stale for up to 2 seconds (`GetTenant.staleness`)."""


@pytest.fixture
async def api(migrated: Urls, cache: dict[str, Any]) -> AsyncIterator[Running]:
    async with running(settings_on(migrated, cache=cache)) as started:
        yield started


@pytest.fixture
async def person(api: Running) -> Person:
    return await api.person()


@pytest.fixture
async def others(api: Running, person: Person) -> AsyncIterator[list[Services]]:
    """Two more processes with the same cache, as it were."""
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(opened(build(api.services.settings, BUILT_IN))) for _ in range(2)]
        principal = await found[0].container.access.resolve(person.id, person.tenant_id)  # type: ignore[arg-type]
        current_context.set(RequestContext(request_id="reading", principal=principal))
        yield found


async def name(services: Services, tenant: UUID) -> str:
    return (await services.bus.execute(GetTenant(id=tenant))).name


@pytest.mark.slow
async def test_a_killed_writer_leaves_nothing_stale(api: Running, person: Person, others: list[Services]) -> None:
    context = loaded_parent()
    for number in range(KILLS // 3 + 1):
        for services in others:
            await name(services, person.tenant_id)
        arguments = (api.services.settings, person.id, person.tenant_id, f"Name {number}")
        writer = context.Process(target=rename_and_die, args=arguments)
        writer.start()
        await asyncio.to_thread(writer.join)
        ended = time.monotonic()
        assert writer.exitcode == -signal.SIGKILL
        for services in others:
            began = time.monotonic()
            while await name(services, person.tenant_id) != f"Name {number}":
                assert began < ended + WITHIN
                await asyncio.sleep(0.001)
                began = time.monotonic()
