"""Messages, handlers and the bus between them."""

from api_base.application.common.cqrs.bus import Bus, Handler, Middleware, Registration, on
from api_base.application.common.cqrs.commands import Command
from api_base.application.common.cqrs.message import AUTHENTICATED, PUBLIC, Message, answer_of
from api_base.application.common.cqrs.queries import Query
from api_base.core.protocols.unit_of_work import Isolation

__all__ = [
    "AUTHENTICATED",
    "PUBLIC",
    "Bus",
    "Command",
    "Handler",
    "Isolation",
    "Message",
    "Middleware",
    "Query",
    "Registration",
    "answer_of",
    "on",
]
