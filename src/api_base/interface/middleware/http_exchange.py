"""One request and its answer, as the middlewares share it: headers are looked through once, and added to the answer once."""

from typing import Final, cast

from starlette.types import Message, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.core.types import RequestContext

KEY: Final = "api_base.exchange"


class HttpExchange:
    """`added` are headers that go with the answer, whoever makes it. `refusal` is why nobody may answer but the audit."""

    __slots__ = (
        "added", "authorization", "context", "expired", "forwarded_for", "origin", "refusal", "request_id", "requested_method", "send", "started",
        "status", "traceparent",
    )  # fmt: skip

    def __init__(self, scope: Scope, send: Send) -> None:
        self.authorization = self.origin = self.request_id = self.traceparent = self.forwarded_for = self.requested_method = None
        for name, value in scope["headers"]:
            attribute = _WANTED.get(name)
            if attribute is not None:
                setattr(self, attribute, self._forwarded(value) if attribute == "forwarded_for" else value)
        self.added: list[tuple[bytes, bytes]] = []
        self.status, self.started, self.expired, self.send = 500, False, False, send
        self.refusal: ApiBaseError | None = None
        self.context: RequestContext
        scope[KEY] = self

    authorization: bytes | None
    origin: bytes | None
    request_id: bytes | None
    traceparent: bytes | None
    forwarded_for: bytes | None
    requested_method: bytes | None

    def _forwarded(self, value: bytes) -> bytes:
        """Several lines are one list [RFC 9110, section 5.3]."""
        return value if self.forwarded_for is None else self.forwarded_for + b"," + value

    async def forward(self, message: Message) -> None:
        """The one wrapper around `send`."""
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
            message["headers"] = [*message["headers"], *self.added]
        await self.send(message)


_WANTED: Final = {
    b"authorization": "authorization",
    b"origin": "origin",
    b"x-request-id": "request_id",
    b"traceparent": "traceparent",
    b"x-forwarded-for": "forwarded_for",
    b"access-control-request-method": "requested_method",
}


def http_exchange_of(scope: Scope) -> HttpExchange:
    return cast("HttpExchange", scope[KEY])
