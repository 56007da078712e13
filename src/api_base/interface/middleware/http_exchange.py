"""The HTTP request and its response, shared by the middlewares and the route: headers are parsed once, and added once."""

from typing import Final, cast

from starlette.types import Message, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.core.types import RequestContext

KEY: Final = "api_base.exchange"


class HttpExchange:
    """`added` are headers for every response to the request. `route` is the path template, empty until a route is found.

    `error` is the reason of a refusal: an invalid token, to which AuditMiddleware responds, or the exception that the route raised.
    """

    __slots__ = (
        "added", "authorization", "context", "error", "expired", "forwarded", "forwarded_for", "idempotency_key", "origin", "request_id", "requested_method",
        "route", "send", "started", "status", "traceparent",
    )  # fmt: skip

    def __init__(self, scope: Scope, send: Send) -> None:
        self.authorization = self.origin = self.request_id = self.traceparent = self.forwarded_for = self.requested_method = None
        self.idempotency_key = self.forwarded = None
        for name, value in scope["headers"]:
            attribute = _ATTRIBUTES.get(name)
            if attribute is not None:
                setattr(self, attribute, value if name not in _LISTS else self._joined(attribute, value))
        self.added: list[tuple[bytes, bytes]] = []
        self.route, self.status, self.started, self.expired, self.send = "", 500, False, False, send
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

    async def forward(self, message: Message) -> None:
        """The only wrapper around `send`."""
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
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
