"""A request on its way through admission control. It counts as running while the application works on it: not while it waits for the body
from its client, and not once the response has begun."""

import asyncio
from typing import TYPE_CHECKING, cast

from api_base.interface.middleware.production import EXEMPT
from api_base.interface.routes.streaming import INTERIM
from api_base.serving.refusals import OVERLOADED, STOPPING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, ASGISendEvent, Scope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from api_base.serving.connection import Connection


def free(cycle: "RequestResponseCycle") -> None:
    """Free what a request brought that is answered or given up: what the application has not read of its body, and its headers."""
    cycle.body.clear()
    cycle.scope = None  # type: ignore[assignment]


class Turn:
    """Implements `Candidate` for the request of `cycle` on `connection`."""

    __slots__ = ("_admission", "_app", "_connection", "_cycle", "_running", "queued_at")

    def __init__(self, connection: "Connection", cycle: "RequestResponseCycle", app: "ASGI3Application") -> None:
        self._connection, self._cycle, self._app = connection, cycle, app
        self._admission = connection.server_state.admission
        self._running = False
        self.queued_at = 0.0

    @property
    def gone(self) -> bool:
        return self._cycle.disconnected

    def begin(self, *, admitted: bool) -> None:
        """Ask for admission; a request that was `admitted` before it was parsed, and exempt paths, need none."""
        if admitted:
            self.start()
        elif self._cycle.scope["path"].startswith(EXEMPT):
            self._create_task()
        else:
            self._admission.offer(self)

    def start(self) -> None:
        self._running = True
        self._create_task()

    def refuse(self) -> None:
        self._connection.answer(self._cycle, OVERLOADED)

    def _create_task(self) -> None:
        state, coroutine = self._connection.server_state, self._cycle.run_asgi(self)
        task = self._connection.loop.create_task(coroutine, context=state.context.copy())
        task.add_done_callback(state.tasks.discard)
        state.tasks.add(task)

    async def __call__(self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        """Run the application. It has logged and answered its errors; one that it could not answer ends the connection."""
        try:
            if self._cycle.more_body:
                cast("dict[str, object]", scope)["extensions"] = {INTERIM: self.inform}
                receive = self.receive
            await self._app(scope, receive, self.send)
        except asyncio.CancelledError:
            if not self._cycle.response_complete:  # otherwise the connection may be at another request
                self._connection.give_up(self._cycle, STOPPING)
        except ConnectionAbortedError:  # an error after the response had begun
            self._cycle.disconnected = True
            self._connection.transport.close()
        finally:
            self._release()
            if self._cycle.disconnected:  # the client may stay until it has read why
                free(self._cycle)

    def inform(self, status: int, reason: bytes, fields: "Iterable[tuple[bytes, bytes]]") -> None:
        """Send an interim response [RFC 9110, section 15.2], unless the response has begun or the client speaks HTTP/1.0."""
        cycle = self._cycle
        if not (cycle.response_started or cycle.disconnected) and cycle.scope["http_version"] == "1.1":
            lines = [b"HTTP/1.1 %d %b" % (status, reason), *(b"%b: %b" % field for field in fields), b"", b""]
            self._connection.transport.write(b"\r\n".join(lines))

    async def receive(self) -> "ASGIReceiveEvent":
        """Wait for the body without counting as running. What arrived before the client left comes before its disconnect."""
        cycle, running = self._cycle, self._running
        if cycle.disconnected and cycle.body and cycle.more_body:
            body, cycle.body = bytes(cycle.body), bytearray()
            return {"type": "http.request", "body": body, "more_body": True}
        if cycle.message_event.is_set() or cycle.response_complete or not cycle.more_body:
            return await cycle.receive()
        self._release()
        self._connection.expect_body(True)
        try:
            return await cycle.receive()
        finally:
            if not cycle.response_complete:
                self._connection.expect_body(False)
            if running:
                self._running = True
                self._admission.resume()

    async def send(self, message: "ASGISendEvent") -> None:
        """End the work when the response begins: what follows waits for the client, or for events."""
        self._release()
        await self._cycle.send(message)

    def _release(self) -> None:
        if self._running:
            self._running = False
            self._admission.release()
