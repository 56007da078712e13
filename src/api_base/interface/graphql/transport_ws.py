"""GraphQL over WebSocket: the subprotocol graphql-transport-ws [enisdenjo/graphql-ws, PROTOCOL.md].

`connection_init` carries `{"Authorization": "Bearer <access token>"}` in its payload, unless the handshake had the header. A `ping` with such a
payload renews the token. Operations have the limits of `/graphql`. The connection closes with 4403 when the token, the session or the
membership ends.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final

import msgspec

from api_base.core.config.graphql import GraphQLSettings
from api_base.core.errors import TooManyRequests, Unauthenticated, Unavailable
from api_base.core.shared.json_depth import too_deep
from api_base.core.shared.logging import get_logger
from api_base.core.shared.strict_json import strict_json
from api_base.core.shared.trace_units import message as message_unit
from api_base.core.types import current_context
from api_base.interface.graphql.http import GraphQLEndpoint, failure_of
from api_base.interface.graphql.refused import NotWellFormed
from api_base.interface.graphql.request import OperationRequest, operation_of
from api_base.interface.graphql.sessions import LiveSession, LiveSessions
from api_base.interface.graphql.spans import OPERATION
from api_base.interface.routes.rendering import encode
from api_base.interface.websocket.handlers import CLOSED
from api_base.interface.websocket.socket import SERVICE_RESTART, TRY_AGAIN_LATER, Socket, TextMessage, WebSocketOptions

logger = get_logger(__name__)

SUBPROTOCOL: Final = "graphql-transport-ws"
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_ACCEPTABLE, TIMEOUT = 4400, 4401, 4403, 4406, 4408
SUBSCRIBER_EXISTS, TOO_MANY_INITS, INTERNAL_ERROR = 4409, 4429, 4500
OPTIONS: Final = WebSocketOptions(subprotocols=(SUBPROTOCOL,), unauthenticated=(TIMEOUT, "Connection initialisation timeout"))
MAX_ID: Final = 100
_ATTRIBUTES: Final = {"network.protocol.name": "websocket"}
_ACK: Final = TextMessage(b'{"type":"connection_ack"}')


class _Closed(Exception):
    """The client breaks the protocol: close with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class GraphQLSockets:
    """Serves the connections of one process."""

    def __init__(self, endpoint: GraphQLEndpoint, sessions: LiveSessions, settings: GraphQLSettings) -> None:
        self.endpoint, self.sessions, self.settings = endpoint, sessions, settings

    async def serve(self, socket: Socket) -> None:
        """Serve a connection until it closes."""
        if socket.subprotocol != SUBPROTOCOL:
            socket.close(NOT_ACCEPTABLE, f"Subprotocol not acceptable: offer {SUBPROTOCOL}")
            return
        await _Connection(self, socket).run()


class _Connection:
    """One connection. `_session` is None before `connection_ack`."""

    def __init__(self, owner: GraphQLSockets, socket: Socket) -> None:
        self._owner, self._socket = owner, socket
        self._session: LiveSession | None = None
        self._begun = False
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            while True:
                await self._message(_object(await self._socket.receive()))
        except _Closed as closed:
            self._socket.close(closed.code, closed.reason)
        finally:
            if self._session is not None:
                self._session.close()
            running = list(self._operations.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _message(self, message: Mapping[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._init(_payload(message))
            case "ping":
                await self._ping(_payload(message))
            case "pong":
                _payload(message)
            case "subscribe":
                self._subscribe(_id(message), message.get("payload"))
            case "complete":
                task = self._operations.pop(_id(message), None)
                if task is not None:
                    task.cancel()
                    self._count()
            case _:
                raise _Closed(BAD_REQUEST, "Invalid message: its type is none that a client sends")

    async def _init(self, payload: Mapping[str, Any]) -> None:
        if self._begun:
            raise _Closed(TOO_MANY_INITS, "Too many initialisation requests")
        self._begun = True
        token, context, sessions = _token(payload), self._socket.context, self._owner.sessions
        try:
            if token is not None:
                context = await sessions.authenticated(context, token)
            if context.principal is None:
                raise Unauthenticated("the payload must have a member Authorization: Bearer <access token>")
            self._session = sessions.open(context, self._end)
        except Unauthenticated as error:
            raise _Closed(FORBIDDEN, f"Forbidden: {error}") from None
        except (TooManyRequests, Unavailable) as error:
            raise _Closed(TRY_AGAIN_LATER, error.public_message) from None
        if token is not None and not self._socket.authenticated(context.principal):
            return
        self._socket.send(_ACK)

    async def _ping(self, payload: Mapping[str, Any]) -> None:
        token = _token(payload)
        if token is not None and self._session is not None:
            try:
                await self._owner.sessions.renew(self._session, token)
            except Unauthenticated as error:
                raise _Closed(FORBIDDEN, f"Forbidden: {error}") from None
            except (TooManyRequests, Unavailable) as error:
                raise _Closed(TRY_AGAIN_LATER, error.public_message) from None
        self._send({"type": "pong"})

    def _subscribe(self, id: str, payload: object) -> None:
        if self._session is None:
            raise _Closed(UNAUTHORIZED, "Unauthorized")
        if id in self._operations:
            raise _Closed(SUBSCRIBER_EXISTS, f"Subscriber for {id} already exists")
        try:
            request = operation_of(payload)
        except NotWellFormed as error:
            raise _Closed(BAD_REQUEST, f"Invalid message: {error}") from None
        limit = self._owner.settings.subscriptions
        if len(self._operations) >= limit:
            message = f"A connection may run {limit} operations; complete one first."
            self._send({"id": id, "type": "error", "payload": [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]})
            return
        self._operations[id] = asyncio.get_running_loop().create_task(self._operation(id, request, self._session))
        self._count()

    async def _operation(self, id: str, request: OperationRequest, session: LiveSession) -> None:
        current_context.set(session.context)
        try:
            await self._owner.sessions.charge(session.context.address)
            engine = await self._owner.endpoint.engine()
            opened = partial(message_unit, session.context, OPERATION, _ATTRIBUTES)
            async with aclosing(engine.responses(request, keep=True, session=session, opened=opened)) as responses:
                async for response in responses:
                    if not response.executed:
                        errors = json.loads(response.content)["errors"]
                        self._send({"id": id, "type": "error", "payload": errors})
                        return
                    self._send({"id": id, "type": "next", "payload": msgspec.Raw(response.content)})
            self._send({"id": id, "type": "complete"})
        except (TooManyRequests, Unavailable) as error:
            self._send({"id": id, "type": "error", "payload": json.loads(failure_of(error)[1])["errors"]})
        except Exception:
            logger.exception("graphql_operation_failed")
            self._socket.close(INTERNAL_ERROR, "Internal server error")
        finally:
            if self._operations.get(id) is asyncio.current_task():
                del self._operations[id]
                self._count()

    def _end(self, reason: str) -> None:
        code, text = CLOSED[reason]
        self._socket.close(*((code, text) if code == SERVICE_RESTART else (FORBIDDEN, f"Forbidden: {text}")))

    def _send(self, message: Mapping[str, Any]) -> None:
        self._socket.send(TextMessage(encode(message)))

    def _count(self) -> None:
        self._socket.subscribed(bool(self._operations))


def _object(text: str) -> Mapping[str, Any]:
    raw = text.encode("utf-8", "surrogatepass")
    try:
        message = None if too_deep(raw) else strict_json(raw)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise _Closed(BAD_REQUEST, "Invalid message: it must be a JSON object")
    return message


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = message.get("payload")
    if not isinstance(payload, dict | None):
        raise _Closed(BAD_REQUEST, "Invalid message: payload must be a JSON object")
    return payload or {}


def _id(message: Mapping[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID:
        raise _Closed(BAD_REQUEST, f"Invalid message: id must be a text of 1 to {MAX_ID} characters")
    return id


def _token(payload: Mapping[str, Any]) -> str | None:
    """Return the access token in a payload, or None."""
    value = payload.get("Authorization", payload.get("authorization"))
    if value is None:
        return None
    scheme, _, token = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise _Closed(FORBIDDEN, "Forbidden: Authorization must be: Bearer <access token>")
    return token.strip()
