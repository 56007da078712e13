"""Signals about new events through Valkey: no process polls, no worker notifies by PostgreSQL, and each event arrives."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tests.integration.test_realtime import World, hub_of, relaying, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_signals_through_valkey_reach_every_process(shared_migrated: Urls, postgres: Any, redis_url: str) -> None:
    settings = settings_on(shared_migrated, realtime={"url": redis_url, "prefix": uuid4().hex})
    async with running(settings) as api, running(settings) as other, relaying(settings, shared_migrated):
        admin = await asyncpg.connect(postgres.admin_of(shared_migrated))
        world = World(api, shared_migrated, settings, admin)
        person = await api.person()
        connected = [await world.connect(person, hub=hub_of(one)) for one in (api, other)]
        for session, _ in connected:
            await session.subscribe("tenant")
        for hub in (hub_of(api), hub_of(other)):
            hub.signal_all = lambda: None  # type: ignore[method-assign]  # no polling: only a signal leads to the event
        for number in range(1, 4):
            await api.item(person)
            await until(lambda wanted=number: all(len(got.got) == wanted for _, got in connected))
        assert [got.offsets() for _, got in connected] == [[1, 2, 3], [1, 2, 3]]
        for session, _ in connected:
            session.close()
        await admin.close()
