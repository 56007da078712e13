"""`/ws`: events of channels over WebSocket, in the subprotocol `api-base.v1`.

A client authenticates by an Authorization header, or by its first message: an access token, or a ticket of POST /api/v1/events/ticket. Its
connection ends with the token unless a fresh one of the same session comes before.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, assert_never

from api_base.application.common.realtime import ChannelEvent, Position, PresenceChange, Realtime, RealtimeSession
from api_base.core.errors import ApiBaseError, Forbidden, TooManyRequests, Unauthenticated, Unavailable
from api_base.core.protocols import AccessLookup, TokenClaims, TokenVerifier
from api_base.core.shared.logging import get_logger
from api_base.core.shared.trace_units import fail_unit, message
from api_base.core.types import RequestContext, current_context
from api_base.interface.websocket import envelopes, socket
from api_base.interface.websocket.envelopes import EventMessages, answer, failure, request_of, user_ids
from api_base.interface.websocket.socket import Serve, Socket

logger = get_logger(__name__)

SUBPROTOCOL: Final = "api-base.v1"
_ATTRIBUTES: Final = {"network.protocol.name": "websocket"}
CLOSED: Final = {
    "expired": (socket.UNAUTHORIZED, "the token has expired"),
    "revoked": (socket.UNAUTHORIZED, "the session, the user or the membership has ended"),
    "draining": (socket.SERVICE_RESTART, "the server restarts; connect again and resume"),
}
"""Close code and reason for each reason with which the hub ends a session."""


class Tickets(Protocol):
    """One-time tickets. A ticket stands for the access token of the user who asked for it."""

    async def issue(self, claims: TokenClaims, origin: str | None) -> str:
        """Return a new ticket, valid for 30 s for a connection of `origin`; None for a client that is no browser."""
        ...

    async def redeem(self, ticket: str, origin: str | None) -> TokenClaims:
        """Return the claims behind a ticket, which is then used up. Raises `Unauthenticated`."""
        ...


class MessageLimits(Protocol):
    """Limits what comes in messages, by address: requests and failed tokens."""

    async def message(self, address: str) -> None:
        """Charge a request as one over HTTP. Raises `TooManyRequests`."""
        ...

    async def refused_tokens(self, address: str) -> TooManyRequests | None:
        """Return the refusal of an address whose tokens failed too often."""
        ...

    async def failed_token(self, address: str) -> None:
        """Charge a token that was refused."""
        ...


class Authenticator:
    """Finds out who a client is."""

    def __init__(self, verifier: TokenVerifier, access: AccessLookup, tickets: Tickets, limits: MessageLimits) -> None:
        self._verifier, self._access, self._tickets, self._limits = verifier, access, tickets, limits

    async def header(self, context: RequestContext) -> tuple[RequestContext, float]:
        """Return the context, and when its token expires, for a client that the handshake authenticated."""
        return context, float(self._verifier.verify(context.access_token.encode()).expires_at)

    async def charge(self, client: Socket) -> None:
        """Charge a request of a client. Raises `TooManyRequests`."""
        await self._limits.message(client.context.address)

    async def message(self, client: Socket, token: str | None, ticket: str | None) -> tuple[RequestContext, float]:
        """Return the same for a token or a ticket. Raises `Unauthenticated`, and `TooManyRequests` for an address with many failures."""
        address = client.context.address
        if (refusal := await self._limits.refused_tokens(address)) is not None:
            raise refusal
        try:
            if ticket is not None:
                claims = await self._tickets.redeem(ticket, client.origin)
            else:
                claims = self._verifier.verify((token or "").encode())
            principal = await self._access.principal(claims)
        except Unauthenticated:
            await self._limits.failed_token(address)
            raise
        return client.context.acting(principal, token or ""), float(claims.expires_at)


class Conversation:
    """One client. Implements `Receiver`."""

    def __init__(self, client: Socket, hub: Realtime, authenticator: Authenticator, messages: EventMessages) -> None:
        self._client, self._hub, self._authenticator, self._messages = client, hub, authenticator, messages
        self._context = client.context
        self._newest: set[str] = set()
        self._first: str | None = None
        """The id of the first message."""
        self._session: RealtimeSession

    async def serve(self) -> None:
        """Serve the client until it leaves."""
        client = self._client
        try:
            context, expires_at = await self._authenticated()
        except ApiBaseError as error:
            client.send(failure(error, self._first, client.context.request_id))
            code = socket.UNAUTHORIZED if isinstance(error, Unauthenticated) else socket.POLICY_VIOLATION
            client.close(code, error.public_message)
            return
        self._context = context
        current_context.set(context)
        client.on_dropped = self._on_dropped
        try:
            self._session = self._hub.open(context, expires_at, self, self._on_end)
        except ApiBaseError as error:
            client.send(failure(error, None, context.request_id))
            client.close(socket.TRY_AGAIN_LATER, error.public_message)
            return
        try:
            while True:
                await self._answer(await client.receive())
        finally:
            self._session.close()

    async def _authenticated(self) -> tuple[RequestContext, float]:
        client = self._client
        if client.context.principal is not None:
            found = await self._authenticator.header(client.context)
            self._welcome(None, found[1])
            return found
        request = request_of(await client.receive())
        self._first = request.id
        if not isinstance(request, envelopes.Authenticate):
            raise Unauthenticated("The first message must be of the type authenticate, with a token or a ticket.")
        context, expires_at = await self._authenticator.message(client, request.token, request.ticket)
        assert context.principal is not None
        client.authenticated(context.principal)
        self._welcome(request.id, expires_at)
        return context, expires_at

    def _welcome(self, id: str | None, expires_at: float) -> None:
        self._client.send(answer("authenticated", id, expires_at=int(expires_at)))

    async def _answer(self, text: str) -> None:
        id = None
        try:
            request = request_of(text)
            id = request.id
            if not isinstance(request, envelopes.Ping):
                await self._authenticator.charge(self._client)
        except ApiBaseError as error:
            self._refuse(error, id)
            return
        if isinstance(request, envelopes.Ping):
            self._client.send(answer("pong", id))
            return
        with message(self._context, f"WebSocket {request.type}", _ATTRIBUTES) as span:
            try:
                await self._do(request)
            except ApiBaseError as error:
                if isinstance(error, Unavailable):
                    fail_unit(span, type(error).__name__)
                self._refuse(error, id)
            except Exception as error:
                logger.exception("websocket_request_failed")
                fail_unit(span, type(error).__name__)
                self._refuse(error, id)
        current_context.set(self._context)  # a fresh token, if the message brought one

    def _refuse(self, error: Exception, id: str | None) -> None:
        self._client.send(failure(error, id, self._client.context.request_id))

    async def _do(self, request: envelopes.Request) -> None:
        session, send = self._session, self._client.send
        match request:
            case envelopes.Subscribe():
                after = None if request.position is None else Position.parse(request.position, "/position")
                found = await session.subscribe(request.channel, after, presence=request.presence)
                if request.slow == "newest":  # before what was recovered is delivered
                    self._newest.add(request.channel)
                self._client.subscribed(True)
                send(answer("subscribed", request.id, channel=request.channel, position=str(found.position), recovered=found.recovered))
            case envelopes.Unsubscribe():
                await session.unsubscribe(request.channel)
                self._forget(request.channel)
                send(answer("unsubscribed", request.id, channel=request.channel))
            case envelopes.Presence():
                members = await session.present(request.channel)
                send(answer("presence", request.id, channel=request.channel, members=user_ids(members)))
            case envelopes.Renew():
                context, expires_at = await self._authenticator.message(self._client, request.token, None)
                session.renew(context, expires_at)
                self._context = context
                send(answer("renewed", request.id, expires_at=int(expires_at)))
            case envelopes.Ping():
                send(answer("pong", request.id))
            case envelopes.Authenticate():
                raise Forbidden("The connection is authenticated already. Send renew with a fresh token of the same session.")
            case _:
                assert_never(request)

    def _forget(self, channel: str) -> None:
        self._newest.discard(channel)
        self._client.subscribed(bool(self._session.feeds))

    # Receiver

    def deliver(self, events: Sequence[ChannelEvent]) -> None:
        for event in events:
            self._client.send(self._messages.of(event), droppable=event.channel in self._newest)

    def reset(self, channel: str, position: Position) -> None:
        self._client.send(answer("reset", None, channel=channel, position=str(position)))

    def ended(self, channel: str, reason: str) -> None:
        self._forget(channel)
        self._client.send(answer("ended", None, channel=channel, reason=reason))

    def presence(self, channel: str, change: PresenceChange) -> None:
        self._client.send(answer("presence", None, channel=channel, joined=user_ids(change.joined), left=user_ids(change.left)))

    def _on_dropped(self, count: int) -> None:
        self._client.send(answer("dropped", None, count=count))

    def _on_end(self, reason: str) -> None:
        self._client.close(*CLOSED[reason])


def serve_events(hub: Callable[[], Realtime], authenticator: Callable[[], Authenticator]) -> Serve:
    """Return what serves `/ws`. Hub and authenticator are created by the first connection."""
    messages = EventMessages()

    async def serve(client: Socket) -> None:
        await Conversation(client, hub(), authenticator(), messages).serve()

    return serve
