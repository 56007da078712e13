"""Units of a trace, messages that it sends, and calls that it makes.

A unit of a trace is what one process does for one request, delivery, job or call of another service: spans are kept until its unit ends, and
exported if the trace is sampled or the unit failed. `RequestContext.span_id` is the id of the unit's own span.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, StatusCode

from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.tracing import TRACER, Attributes, as_current, ending, fail, remote, span, start
from api_base.core.types import NO_REQUEST, RequestContext, current_context, parent_of


class UnitExport(Protocol):
    """Decides about the spans of units, each of which is identified by the id of its span."""

    def finish(self, unit: str, failed: bool) -> bool:
        """Export or forget the spans of a unit that ended. Returns whether it failed, by `failed` or `fail`."""

    def fail(self, unit: str) -> None:
        """Note that a unit failed which has not ended, although it is going to be answered as if it had not."""

    def decide(self, flags: int) -> int:
        """Return the flags of a message whose sender has the flags `flags`."""


CONSUMER, PRODUCER, CLIENT, SERVER = SpanKind.CONSUMER, SpanKind.PRODUCER, SpanKind.CLIENT, SpanKind.SERVER

_SYSTEMS = {name: name for name in ("elasticsearch", "opensearch", "redis")}
"""Names of dependencies that are databases, and their well-known values of `db.system.name`."""
_export: list[UnitExport] = []
"""One object once spans are exported, otherwise none."""


def export_units(export: UnitExport) -> None:
    """Let `export` decide about the spans of each unit. Called once, when the exporter of the process starts."""
    _export[:] = [export]


def enabled() -> bool:
    """Return whether this process exports spans."""
    return bool(_export)


@contextmanager
def unit(
    context: RequestContext, name: str, attributes: Attributes, *, kind: SpanKind, links: Sequence[str] = (), parent: str | None = None
) -> Iterator[trace.Span]:
    """The span around a delivery, a job, a message or a call of another service, and `context` as the current one, whose span it is.

    It fails by an exception, and what is consumed also by its status; see `fail_unit` for what clients call.

    `links` are empty, or as `RequestContext.propagated`. `parent` is the id of the parent span, if that is not the one of `context`.
    """
    if not enabled():
        token = current_context.set(context)
        try:
            yield trace.INVALID_SPAN
        finally:
            current_context.reset(token)
        return
    caller = context.span_id if parent is None else parent
    within = remote(context.trace_id, caller, context.trace_flags, context.tracestate)
    linked = [Link(found) for link in links if (found := _span_of(TraceContext.parse(link))) is not None]
    started = TRACER.start_span(name, _as_parent(within), kind=kind, attributes=attributes, links=linked)
    own = started.get_span_context()
    id = f"{own.span_id:016x}"
    token = current_context.set(
        context._replace(trace_id=f"{own.trace_id:032x}", span_id=id, parent_span_id=caller, trace_flags=int(own.trace_flags))
    )
    failed = True
    try:
        with ending(started), as_current(started):
            yield started
        failed = False
    finally:
        current_context.reset(token)
        _finish_soon(id, failed=failed or (kind is CONSUMER and started_failed(started)))


def message(
    context: RequestContext, name: str, attributes: Attributes, *, sent: TraceContext | None = None
) -> AbstractContextManager[trace.Span]:
    """The unit of a message that came in the request or through the handshake of `context`, with a link to that.

    It is the child of the span that its sender names in `sent`, otherwise of the request.
    """
    link = context.traceparent
    if sent is not None and parent_of(sent.traceparent.encode()) is not None:
        context = context.in_trace_of(RequestContext.caused_by("", str(sent)))
    if enabled():
        context = context._replace(trace_flags=_export[0].decide(context.trace_flags))
    return unit(context, name, attributes, kind=SERVER, links=[link])


@contextmanager
def operation(name: str, attributes: Attributes) -> Iterator[trace.Span]:
    """The span of an operation that the body of the current request contains: a part of the request's unit."""
    if not enabled():
        yield trace.INVALID_SPAN
        return
    with span(name, attributes, kind=SERVER) as started:
        yield started


def fail_unit(started: trace.Span, error_type: str) -> None:
    """Record that an operation or message failed, and export its unit although the answer has a status of success."""
    if enabled():
        started.set_attribute("error.type", error_type)
        started.set_status(StatusCode.ERROR, error_type)
        _export[0].fail(current_context.get(NO_REQUEST).span_id)


def _as_parent(parent: trace.SpanContext) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _span_of(sent: TraceContext) -> trace.SpanContext | None:
    found = parent_of(sent.traceparent.encode())
    return None if found is None else remote(*found, sent.tracestate)


def _finish_soon(id: str, *, failed: bool) -> None:
    """The spans of statements are created by callbacks of the event loop, which run before this one."""
    finish = _export[0].finish
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        finish(id, failed)
    else:
        loop.call_soon(finish, id, failed)


def started_failed(started: trace.Span) -> bool:
    """Return whether the status of a span is ERROR."""
    status = getattr(started, "status", None)
    return status is not None and status.status_code is StatusCode.ERROR


def in_trace() -> bool:
    """Return whether this process exports spans, and the current work belongs to a trace."""
    if not enabled():
        return False
    context = current_context.get(None)
    return (context is not None and bool(context.trace_id)) or trace.get_current_span().get_span_context().is_valid


@contextmanager
def calling(dependency: str) -> Iterator[None]:
    """The span of a call of a dependency with all its attempts, if the current work belongs to a trace."""
    if not in_trace():
        yield
        return
    system = _SYSTEMS.get(dependency.partition("-")[0].partition(" ")[0])
    attributes = {"service.peer.name": dependency, **({} if system is None else {"db.system.name": system})}
    with span(dependency, attributes, kind=SpanKind.CLIENT):
        yield


def completed(name: str, attributes: Attributes, seconds: float, error_type: str | None = None) -> None:
    """A client span of a call that just ended and took `seconds`. Without a trace there is none."""
    if not in_trace():
        return
    end = time.time_ns()
    called = start(name, attributes, kind=CLIENT, start_time=end - int(seconds * 1e9))
    if error_type is not None:
        called.set_attribute("error.type", error_type)
        called.set_status(StatusCode.ERROR, error_type)
    called.end(end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to be sent: to `destination`, in the trace of `traceparent`, which is empty or as `RequestContext.propagated`."""

    destination: str
    id: str
    traceparent: str
    attributes: Attributes = field(default_factory=dict)


@contextmanager
def sending(system: str, messages: Sequence[Outgoing]) -> Iterator[Sequence[str]]:
    """A producer span for each message of a batch, in its own trace. Yields what to send with each one, in the form of its `traceparent`
    [OpenTelemetry, "Semantic conventions for messaging spans"].
    """
    if not enabled():
        yield [message.traceparent for message in messages]
        return
    spans = [_sent(system, message) for message in messages]
    try:
        yield [message.traceparent if one is None else _continued(message, one) for one, message in zip(spans, messages, strict=True)]
    except BaseException as error:
        for one in filter(None, spans):
            fail(one, error)
        raise
    finally:
        for one in filter(None, spans):
            one.end()


def _sent(system: str, message: Outgoing) -> trace.Span | None:
    parent = _span_of(TraceContext.parse(message.traceparent))
    if parent is None:
        return None
    attributes = {
        "messaging.system": system,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": message.destination,
        "messaging.message.id": message.id,
        **message.attributes,
    }
    name = f"send {message.destination}"
    return TRACER.start_span(name, _as_parent(parent), kind=PRODUCER, attributes=attributes, links=[Link(parent)])


def _continued(message: Outgoing, sent: trace.Span) -> str:
    return str(TraceContext.parse(message.traceparent)._replace(traceparent=traceparent(sent)))


def traceparent(started: trace.Span) -> str:
    """The span as the parent of others [W3C Trace Context, section 3.2]; empty without a trace."""
    own = started.get_span_context()
    if not own.is_valid:
        return ""
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{int(own.trace_flags):02x}"
