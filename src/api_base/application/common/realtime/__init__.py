"""Events delivered to connected clients: channels, their journal, the hub of a process, and the sessions of its connections."""

from api_base.application.common.realtime.channels import Channel, ChannelDeclaration, Channels, PublicEvent, Unpublished
from api_base.application.common.realtime.hub import Realtime
from api_base.application.common.realtime.journal import ChannelJournal, ChannelKey, JournaledEvent, JournalPage, Presence
from api_base.application.common.realtime.limits import RealtimeLimits
from api_base.application.common.realtime.session import RealtimeSession
from api_base.application.common.realtime.values import (
    ChannelEvent,
    Member,
    Position,
    PresenceChange,
    Receiver,
    Subscribed,
)

__all__ = [
    "Channel",
    "ChannelDeclaration",
    "ChannelEvent",
    "ChannelJournal",
    "ChannelKey",
    "Channels",
    "JournalPage",
    "JournaledEvent",
    "Member",
    "Position",
    "Presence",
    "PresenceChange",
    "PublicEvent",
    "Realtime",
    "RealtimeLimits",
    "RealtimeSession",
    "Receiver",
    "Subscribed",
    "Unpublished",
]
