"""Any role may send any notification: none ends a listener, prints a traceback, or keeps a revoked right alive."""

import asyncio
import logging
from typing import Final
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import build, opened
from api_base.infrastructure.auth.access import CHANNEL as ACCESS
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.tasks.completion import CHANNEL as CANCELLED
from api_base.infrastructure.tasks.database_queue import CHANNEL as JOBS
from api_base.serving.worker import _listener
from tests.application import running, settings_on

MAX_PAYLOAD: Final = 7999
"""Bytes; PostgreSQL refuses longer ones."""
PAYLOADS: Final = ("", "no uuid", "x" * MAX_PAYLOAD, "\u202e\n\x1b[2J", "{" + str(uuid4()), "0" * 31, "é" * 3999, str(uuid4()) * 2)


async def notify(urls: Urls, channel: str, *payloads: str) -> None:
    connection = await asyncpg.connect(urls.app)
    try:
        for payload in payloads:
            await connection.execute("select pg_notify($1, $2)", channel, payload)
    finally:
        await connection.close()


async def test_unreadable_notifications_of_access_empty_the_cache_and_the_listener_goes_on(
    migrated: Urls, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(settings_on(migrated)) as api, opened(build(api.services.settings, BUILT_IN)) as another_process:
        person = await api.person()
        access = another_process.container.access
        async with asyncio.timeout(40):
            while not access._entries:
                await access.resolve(person.id, person.tenant_id)
                await asyncio.sleep(0.05)
            with caplog.at_level(logging.ERROR, "asyncio"), capture_logs() as logs:
                await notify(migrated, ACCESS, *PAYLOADS)
                while sum(line["event"] == "notification_unreadable" for line in logs) < len(PAYLOADS):
                    await asyncio.sleep(0.02)
            assert not access._entries, "a right could outlive its revocation"
            assert caplog.records == [], "the loop printed a traceback"
            assert max(len(str(line)) for line in logs) < 200
            await access.resolve(person.id, person.tenant_id)
            await notify(migrated, ACCESS, str(person.id))
            while access._entries:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("channel", [DELIVERIES, STORED, CANCELLED, JOBS])
async def test_any_payload_wakes_the_tasks_of_a_channel(shared_migrated: Urls, channel: str, caplog: pytest.LogCaptureFixture) -> None:
    wake = asyncio.Event()
    listener = _listener(shared_migrated.direct, channel, [wake])
    await listener.open()
    try:
        await asyncio.wait_for(wake.wait(), 10)  # it listens
        for payload in PAYLOADS:
            wake.clear()
            await notify(shared_migrated, channel, payload)
            await asyncio.wait_for(wake.wait(), 10)
        assert caplog.records == []
    finally:
        await listener.close()
