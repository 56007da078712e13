"""Messages, handlers and the bus between them."""

from api_base.application.common.cqrs.bus import Bus, Handler, Middleware, Registration, on, replacing
from api_base.application.common.cqrs.commands import Command
from api_base.application.common.cqrs.message import AUTHENTICATED, PUBLIC, Message, answer_of
from api_base.application.common.cqrs.queries import Cacheable, Query

__all__ = [
    "AUTHENTICATED",
    "PUBLIC",
    "Bus",
    "Cacheable",
    "Command",
    "Handler",
    "Message",
    "Middleware",
    "Query",
    "Registration",
    "answer_of",
    "on",
    "replacing",
]
