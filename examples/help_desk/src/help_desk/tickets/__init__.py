"""The context `tickets`: what visitors who are signed in ask, and agents answer."""

from dataclasses import replace

from api_base import on
from help_desk.desk import of_desk
from help_desk.tickets.gateway import GatewayKey, TicketsSettings
from help_desk.tickets.routes import routes
from help_desk.tickets.ticket import TICKETS, MyTickets, MyTicketsHandler, OpenTicket

CONTEXT = replace(
    of_desk(
        TICKETS.context(
            handlers=lambda ports: [
                on(TICKETS.create, OpenTicket(ports)),
                on(MyTickets, MyTicketsHandler(ports)),
            ],
            routes=routes,
        )
    ),
    settings=TicketsSettings,
    authentication=lambda ports: [GatewayKey(ports)],
)
