"""POST /api/v1/events/ticket: a one-time ticket with which a client authenticates a WebSocket in its first message."""

from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends
from starlette.types import Scope

from api_base.core.protocols import TokenClaims, TokenVerifier
from api_base.core.types import current_context
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.parameters import header

LIFETIME_SECONDS = 30


class TicketIssuer(Protocol):
    """Issues tickets."""

    async def issue(self, claims: TokenClaims, origin: str | None) -> str:
        """Return a new ticket for a connection of `origin`; None for a client that is no browser."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTicketDTO:
    """`ticket` is used once, within `expires_in` seconds, by a connection of the same origin."""

    ticket: str = field(repr=False)
    expires_in: int


class OriginHeader:
    """The `Origin` of the request."""

    def resolve(self, scope: Scope) -> str | None:
        return header(scope, b"origin")

    def __call__(self) -> None:
        """For the documentation."""


RequestOrigin = Annotated[str | None, Depends(OriginHeader())]


def routes(verifier: TokenVerifier, tickets: TicketIssuer) -> Router:
    router = Router(prefix="/events", tags=["events"])

    @router.post("/ticket", RouteOptions(replayable=False), status_code=201, summary="Get a ticket for a WebSocket")
    async def issue_event_ticket(origin: RequestOrigin) -> EventTicketDTO:
        claims = verifier.verify(current_context.get().access_token.encode())
        return EventTicketDTO(ticket=await tickets.issue(claims, origin), expires_in=LIFETIME_SECONDS)

    return router
