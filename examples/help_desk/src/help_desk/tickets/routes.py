"""The route of tickets beside those that `crud` makes."""

from api_base import Bus, Page, Router
from help_desk.tickets.ticket import MyTickets, TicketDTO


def routes(bus: Bus) -> Router:
    router = Router(prefix="/tickets", tags=["tickets"])

    @router.get("/mine", summary="List my tickets")
    async def list_my_tickets() -> Page[TicketDTO]:
        return await bus.execute(MyTickets())

    return router
