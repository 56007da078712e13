"""The hub of a process on PostgreSQL."""

from collections.abc import Awaitable, Callable

from api_base.application.common.cqrs import Message
from api_base.application.common.realtime import Channels, Realtime, RealtimeLimits
from api_base.core.config import Settings
from api_base.core.protocols import AccessLookup, IdGenerator
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.realtime.journal import SqlChannelJournal
from api_base.infrastructure.realtime.presence import SqlPresence


def hub(
    settings: Settings,
    channels: Channels,
    database: Database,
    ids: IdGenerator,
    execute: Callable[[Message[object]], Awaitable[object]],
    access: AccessLookup,
    gauge: Callable[[str, float], None],
    delivered: Callable[[float], None],
) -> Realtime:
    """Return the hub, which does nothing until `RealtimeDelivery` starts it."""
    chosen = settings.realtime
    limits = RealtimeLimits(
        channels=chosen.max_channels,
        recovered=chosen.keep_events,
        sessions=chosen.max_sessions,
        sessions_per_user=chosen.max_sessions_per_user,
        sessions_per_address=chosen.max_sessions_per_address,
    )
    presence = SqlPresence(database, ids.new(), chosen.max_members)
    return Realtime(channels, SqlChannelJournal(database), presence, execute, access, limits, gauge, delivered)
