"""Replay events for operators, as the database role `worker`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build, worker_database
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.events.admin import EventAdmin
from api_base.infrastructure.events.relay import RELAY


async def replay(
    settings: Settings, contexts: Sequence[Context], *, event_id: UUID | None, subscription: str | None, since: datetime | None
) -> int:
    """Retry dead events; with `since`, deliver the stored events that `subscription` has not handled. Returns their number.

    Raises `ConfigurationError` for options that exclude each other and for an unknown subscription; the message lists the known ones.
    """
    if since is not None and subscription is None:
        raise ConfigurationError("--since requires --subscription: name the subscription that receives the events.")
    if since is not None and event_id is not None:
        raise ConfigurationError("--since delivers all stored events: do not combine it with the id of an event.")
    container = build(settings, contexts).container
    durable = {one.name: one for one in container.subscribers.durable}
    if subscription is not None and subscription not in durable and (subscription != RELAY or since is not None):
        raise ConfigurationError(
            f"--subscription: the durable subscription {subscription!r} does not exist. Existing ones: {', '.join(sorted(durable)) or 'none'}."
        )
    async with worker_database(settings, contexts) as database:
        log = EventAdmin(database.pool)
        if since is None or subscription is None:
            return await log.revive(subscription=subscription, event_id=event_id)
        return await log.replay(subscription=subscription, names=container.event_versions.names(durable[subscription].event), since=since)
