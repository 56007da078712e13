"""The event log for an operator, on the database as the role `worker`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.events.log import EventLog


@asynccontextmanager
async def event_log(settings: Settings, contexts: Sequence[Context]) -> AsyncIterator[EventLog]:
    """Raises `Unavailable` when the database cannot be reached."""
    database = build(settings, contexts).container.worker_database()
    await database.open()
    try:
        yield EventLog(database.pool)
    finally:
        await database.close()


async def replay_since(settings: Settings, contexts: Sequence[Context], subscription: str, since: datetime) -> int:
    """Raises `ConfigurationError` for a subscription that no context declares, naming those there are."""
    durable = {one.name: one for one in build(settings, contexts).container.subscribers().durable}
    if subscription not in durable:
        raise ConfigurationError(f"There is no durable subscription {subscription!r}; there are {', '.join(sorted(durable)) or 'none'}.")
    async with event_log(settings, contexts) as log:
        return await log.again(subscription=subscription, name=durable[subscription].event, since=since)
