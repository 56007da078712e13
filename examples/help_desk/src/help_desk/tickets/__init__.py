"""The context `tickets`: what visitors who are signed in ask, and agents answer."""

from dataclasses import replace

from api_base import ListOf, on
from help_desk.desk import of_desk
from help_desk.tickets.gateway import GatewayKey, TicketsSettings
from help_desk.tickets.ticket import TICKETS, MyTickets, OpenTicket, OpenTicketHandler

FIELDS = TICKETS.routes_of.fields
PLAIN = TICKETS.context(
    handlers=lambda ports: [
        on(TICKETS.create, OpenTicketHandler(ports)),
        on(OpenTicket, OpenTicketHandler(ports)),
        on(MyTickets, ListOf(ports.database, TICKETS.mapping, TICKETS.to_dto, FIELDS)),
    ]
)
CONTEXT = replace(
    of_desk(PLAIN),
    settings=TicketsSettings,
    authentication=lambda ports: [GatewayKey(ports)],
)
