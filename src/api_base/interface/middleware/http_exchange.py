"""The HTTP request and its response, shared by the middlewares and the route: headers are parsed once, and added once."""

from typing import Final, cast

from starlette.types import Message, Receive, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.core.types import RequestContext

KEY: Final = "api_base.exchange"
CLIENT_LEFT: Final = 499
"""The status under which a request counts whose client left before it was answered, as in nginx."""


class HttpExchange:
    """`added` are headers for every response to the request. `route` is the path template, empty until a route is found.

    `error` is the reason of a refusal: an invalid token, to which AuditMiddleware responds, or the exception that the route raised.
    """

    __slots__ = (
        "added", "authorization", "context", "error", "expired", "forwarded", "forwarded_for", "idempotency_key", "left", "origin", "request_id",
        "requested_method", "route", "send", "source", "started", "status", "traceparent",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.authorization = self.origin = self.request_id = self.traceparent = self.forwarded_for = self.requested_method = None
        self.idempotency_key = self.forwarded = None
        for name, value in scope["headers"]:
            attribute = _ATTRIBUTES.get(name)
            if attribute is not None:
                setattr(self, attribute, value if name not in _LISTS else self._joined(attribute, value))
        self.added: list[tuple[bytes, bytes]] = []
        self.route, self.status, self.started, self.expired, self.left = "", 500, False, False, False
        self.source, self.send = receive, send
        self.error: ApiBaseError | None = None
        self.context: RequestContext
        scope[KEY] = self

    authorization: bytes | None
    origin: bytes | None
    request_id: bytes | None
    traceparent: bytes | None
    forwarded: bytes | None
    forwarded_for: bytes | None
    requested_method: bytes | None
    idempotency_key: bytes | None

    def _joined(self, attribute: str, value: bytes) -> bytes:
        """Several lines are one list [RFC 9110, section 5.3]."""
        before: bytes | None = getattr(self, attribute)
        return value if before is None else before + b"," + value

    async def receive(self) -> Message:
        """The only wrapper around `receive`. Notes that the client left before its body was complete."""
        message = await self.source()
        if message["type"] == "http.disconnect" and not self.started:
            self.left, self.status = True, CLIENT_LEFT
        return message

    async def forward(self, message: Message) -> None:
        """The only wrapper around `send`."""
        if message["type"] == "http.response.start":
            self.status, self.started = CLIENT_LEFT if self.left else message["status"], True
            message["headers"] = [*message["headers"], *self.added]
        await self.send(message)


_ATTRIBUTES: Final = {
    b"authorization": "authorization",
    b"origin": "origin",
    b"x-request-id": "request_id",
    b"traceparent": "traceparent",
    b"forwarded": "forwarded",
    b"x-forwarded-for": "forwarded_for",
    b"access-control-request-method": "requested_method",
    b"idempotency-key": "idempotency_key",
}
_LISTS: Final = (b"forwarded", b"x-forwarded-for")


def http_exchange_of(scope: Scope) -> HttpExchange:
    """Return the exchange that LoggingMiddleware stored for the request."""
    return cast("HttpExchange", scope[KEY])
