"""Bodies that are read while they arrive, and responses that are sent while they are read: in bounded memory, each side as fast as the other.

The server reads no more from a client than the application takes, and ends a body whose next part does not come
(`SERVER__BODY_TIMEOUT_SECONDS`) and a response that is not read (`SERVER__WRITE_TIMEOUT_SECONDS`). A body must arrive at `MIN_RATE` on average.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final, Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.interface.errors.http import BodyTooLarge, SlowRequest, UnsupportedMediaType
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.body import declared_length
from api_base.interface.routes.parameters import header
from api_base.interface.routes.rendering import StreamAnswer

INTERIM: Final = "http.response.interim"
"""The extension of ASGI by which the server sends an interim response: a function of the status, its reason and header fields."""
MIN_RATE: Final = 1024
"""Bytes per second."""
GRACE_SECONDS: Final = 30.0
"""Seconds before the rate counts."""


class BodyInterrupted(ApiBaseError, ClientDisconnect):
    """The client left before the end of its body."""


class BodyStream:
    """The body of a request, to be iterated once. `size` is what the client declares, in bytes; None if it does not."""

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        self._receive, self._limit, self._inform = receive, limit, scope.get("extensions", {}).get(INTERIM)
        self.size = declared_length(scope)

    @classmethod
    def accepted(cls, scope: Scope, receive: Receive, limit: int) -> Self:
        """Raises `UnsupportedMediaType` for a content coding, `BodyTooLarge` for a declared length over `limit`."""
        coding = header(scope, b"content-encoding")
        if coding is not None and coding.lower() != "identity":
            raise UnsupportedMediaType(f"The content coding {coding!r} is not supported; send the body without a coding.")
        stream = cls(scope, receive, limit)
        if stream.size is not None and stream.size > limit:
            raise BodyTooLarge(limit)
        return stream

    def inform(self, status: int, reason: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bool:
        """Send an interim response. Returns whether the server can: it cannot once the whole body has arrived."""
        if self._inform is None:
            return False
        self._inform(status, reason, fields)
        return True

    def within(self, limit: int) -> Self:
        """Lower the limit to `limit` bytes."""
        self._limit = min(self._limit, limit)
        return self

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts as they arrive. Raises `BodyInterrupted`, `BodyTooLarge`, `SlowRequest`."""
        began, size, more = time.monotonic(), 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BodyInterrupted("The client left before the end of its body.")
            chunk: bytes = message.get("body", b"")
            more, size = message.get("more_body", False), size + len(chunk)
            if size > self._limit:
                raise BodyTooLarge(self._limit)
            if chunk:
                yield chunk
            seconds = time.monotonic() - began
            if more and seconds > GRACE_SECONDS and size < seconds * MIN_RATE:
                raise SlowRequest(f"The body arrives at less than {MIN_RATE} bytes per second.")


class StreamedBody:
    """A parameter that receives the body as a `BodyStream`, whatever its media type. The route then has no limit of time."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> BodyStream:
        """Raises `UnsupportedMediaType` for a content coding, `BodyTooLarge` for a declared length over `limit`."""
        stream = BodyStream.accepted(scope, receive, limit)
        http_exchange_of(scope).untimed()
        return stream

    def __call__(self) -> None:
        """Declare nothing: the route describes its body."""


async def send_stream(scope: Scope, receive: Receive, send: Send, answer: StreamAnswer) -> None:
    """Send the response until the client leaves.

    An error before the first part of the content is raised before the response begins, so that it has its own status. A later one closes the
    connection: the client must not take the content as complete.
    """
    start = {"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)}
    if answer.content is None or scope["method"] == "HEAD":
        await send(start)
    else:
        left: asyncio.Task[None] | None = None
        try:
            parts = aiter(answer.content)
            first = await anext(parts, b"")
            http_exchange_of(scope).untimed()
            await send(start)
            left = asyncio.ensure_future(_left(receive))
            if first:
                await send({"type": "http.response.body", "body": first, "more_body": True})
            if answer.leave is not None:
                left.add_done_callback(answer.leave)
            async for chunk in parts:
                if left.done():
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            if left is not None:
                left.cancel()
            if isinstance(answer.content, AsyncGenerator):
                await answer.content.aclose()  # what it reads is open until then
    await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
