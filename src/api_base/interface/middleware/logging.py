"""The outermost middleware: request id and trace context, one record of every request, and a response for every error.

A valid `X-Request-ID` and a valid `traceparent` [W3C Trace Context, section 3.2] are used; both headers are part of the response. `tracestate`
and the allowed members of `baggage` are passed on.
"""

import asyncio
import random
import time
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.protocols import RequestRecorder
from api_base.core.shared.addresses import canonical_address
from api_base.core.shared.logging import get_logger
from api_base.core.shared.trace_context import TraceContext
from api_base.core.types import RequestContext, current_context, parent_of, valid_request_id
from api_base.interface.errors.handlers import internal_problem, send_error, send_problem
from api_base.interface.errors.http import RequestTimeout
from api_base.interface.middleware.after_response import run_actions
from api_base.interface.middleware.client_address import ClientAddress
from api_base.interface.middleware.http_exchange import CLIENT_LEFT, HttpExchange, current_exchange

logger = get_logger(__name__)

UNMATCHED: Final = "<unmatched>"
_new: Final = tuple.__new__
"""Makes a named tuple in a third of the time of its class."""
INTERNAL_ERROR: Final = 1011
"""The close code for a server that cannot do what was asked [RFC 6455, section 7.4.1]."""


class CallerFlags:
    """Whether the sampled flag of a caller's `traceparent` is used: always from a trusted proxy, otherwise `per_second` times a second.

    Otherwise every client could make the process export all of its spans.
    """

    def __init__(self, address: ClientAddress, per_second: float) -> None:
        self._address, self._per_second = address, per_second
        self._left, self._at = per_second, time.monotonic()

    def used(self, peer: str) -> bool:
        if self._address.trusts(canonical_address(peer)):
            return True
        now = time.monotonic()
        self._left = min(max(self._per_second, 1.0), self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class LoggingMiddleware:
    """`timeout` is in seconds; `sample_ratio` is the fraction of requests without a `traceparent` that are marked for tracing."""

    def __init__(
        self, app: ASGIApp, recorder: RequestRecorder, address: ClientAddress, timeout: float, sample_ratio: float, flags: CallerFlags
    ) -> None:
        self._flags = flags
        self._app, self._recorder, self._address, self._timeout = app, recorder, address, timeout
        self._sampled_below = int(sample_ratio * 2**56)
        self._bits = random.SystemRandom().getrandbits if sample_ratio else random.Random().getrandbits  # noqa: S311 -- ids, not secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # of another server: ours asks for a WebSocket by a GET request, which passes all middlewares
            await send({"type": "websocket.close", "code": INTERNAL_ERROR, "reason": "only the server of api-base serve has WebSockets"})
            return
        exchange = HttpExchange(scope, receive, send)
        context = exchange.context = self._context(scope, exchange)
        current_context.set(context)
        current_exchange.set(exchange)
        exchange.added += ((b"x-request-id", context.request_id.encode()), (b"traceparent", context.traceparent.encode()))
        started_at, began = time.time(), time.perf_counter()
        self._recorder.started()
        try:
            await self._answer(scope, exchange)
        finally:
            route, seconds = exchange.route or _template(scope), time.perf_counter() - began
            self._recorder.finished(exchange.context, scope["method"], route, exchange.status, started_at, seconds)
        if exchange.actions:
            await run_actions(exchange.actions, route)

    async def _answer(self, scope: Scope, exchange: HttpExchange) -> None:
        task = asyncio.current_task()
        assert task is not None  # the server runs each request in a task
        exchange.timer = asyncio.get_running_loop().call_later(self._timeout, _expire, exchange, task)
        try:
            await self._app(scope, exchange.receive, exchange.forward)
        except ClientDisconnect:
            exchange.status = CLIENT_LEFT
        except asyncio.CancelledError:
            if not exchange.expired or task.uncancel():
                raise
            if not exchange.started:
                await send_error(scope, exchange.forward, RequestTimeout(self._timeout))
        except ConnectionAbortedError as error:  # a refusal in the middle of a response, which the client must not take as complete
            logger.warning("response_broken_off", method=scope["method"], route=exchange.route, reason=str(error))
            raise
        except Exception:
            await self._respond_internal_error(scope, exchange)
        finally:
            exchange.end()

    async def _respond_internal_error(self, scope: Scope, exchange: HttpExchange) -> None:
        logger.exception("request_failed", method=scope["method"], route=exchange.route or _template(scope))
        if exchange.started:
            raise ConnectionAbortedError(
                "the response had begun"
            )  # the server closes the connection: the client must not take it as complete
        await send_problem(scope, exchange.forward, internal_problem())

    def _context(self, scope: Scope, exchange: HttpExchange) -> RequestContext:
        client = scope.get("client")
        address = self._address.of(client[0] if client else "", exchange.forwarded_for, exchange.forwarded)
        language = "" if exchange.accept_language is None else exchange.accept_language.decode("latin-1")
        caller = None if exchange.traceparent is None else parent_of(exchange.traceparent)
        if caller is None:
            bits = self._bits(128)
            trace_id, parent = bits.to_bytes(16).hex(), ""
            span_id = trace_id[16:]  # as Zipkin chooses the id of a root span: no other span of the trace has it
            flags = int(bits >> 72 < self._sampled_below) if self._sampled_below else 0
        else:
            (trace_id, parent, flags), span = caller, self._bits(64)
            span_id = f"{span:016x}"
            if flags and not self._flags.used(client[0] if client else ""):
                flags = int(span >> 8 < self._sampled_below)
        request_id = (None if exchange.request_id is None else valid_request_id(exchange.request_id)) or trace_id
        values = (request_id, trace_id, span_id, parent, flags, address, None, "", None, scope["path"], "", "", None, language)
        context: RequestContext = _new(RequestContext, values)
        if exchange.tracestate is None and exchange.baggage is None:
            return context
        sent = TraceContext.received(exchange.traceparent, exchange.tracestate, exchange.baggage)
        return context._replace(tracestate=sent.tracestate, baggage=sent.baggage)


def _expire(exchange: HttpExchange, task: asyncio.Task[None]) -> None:
    """Cancel the task, as asyncio.timeout does at four times the cost per request."""
    exchange.expired = True
    task.cancel()


def _template(scope: Scope) -> str:
    """The path template of a route that FastAPI's own router served; the prefix of an included router is in the route context."""
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    template: str = getattr(route, "path_format", None) or getattr(route, "path", None) or UNMATCHED
    return template
