"""The wiring of `/ws` and of its tickets."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from api_base.bootstrap.container import Wiring
from api_base.bootstrap.context import Context
from api_base.infrastructure.auth.tables import TICKETS
from api_base.infrastructure.auth.tickets import SqlTickets
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.routes import Router
from api_base.interface.routes.versions import API
from api_base.interface.v1 import tickets_router
from api_base.interface.websocket.handlers import SUBPROTOCOL, Authenticator, serve_events
from api_base.interface.websocket.socket import WebSocketOptions


def websocket_routers(container: Wiring, contexts: Sequence[Context], limits: Callable[[], RequestLimits]) -> Iterator[tuple[str, Router]]:
    """Yield the routers with their prefixes. `limits` exist once all routes are known. Without the context `auth` there are neither."""
    if not any(TICKETS in context.tables for context in contexts):
        return
    tickets = SqlTickets(container.database, container.clock)
    yield API, tickets_router.routes(container.token_verifier, tickets)
    router = Router()
    authenticator = cache(lambda: Authenticator(container.token_verifier, container.access, tickets, limits()))
    router.websocket("/ws", WebSocketOptions(subprotocols=(SUBPROTOCOL,)))(serve_events(lambda: container.realtime, authenticator))
    yield "", router
