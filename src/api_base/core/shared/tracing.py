"""Spans through the OpenTelemetry API. Without a configured SDK they cost almost nothing and are discarded.

Neither a message nor a value of an exception is recorded: they hold what users sent. Its type and its frames are.
"""

import asyncio
import functools
import inspect
import traceback
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

from api_base.core.types import current_context

type Attributes = Mapping[str, AttributeValue]
TRACER: Final = trace.get_tracer("api_base")


@contextmanager
def span(name: str, attributes: Attributes | None = None, *, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[trace.Span]:
    """A span around a block, as a child of the current span. Records an exception and lets it propagate."""
    started = start(name, attributes, kind=kind)
    with ending(started), as_current(started):
        yield started


def start(
    name: str, attributes: Attributes | None = None, *, kind: SpanKind = SpanKind.INTERNAL, start_time: int | None = None
) -> trace.Span:
    """Start a span as a child of the current one, without making it the current one. `start_time` is in nanoseconds since the epoch."""
    return TRACER.start_span(name, _parent(), kind=kind, attributes=attributes, start_time=start_time)


@contextmanager
def ending(started: trace.Span) -> Iterator[None]:
    """End the span after the block. Records an exception and lets it propagate."""
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException as error:
        fail(started, error)
        raise
    finally:
        started.end()


@contextmanager
def as_current(started: trace.Span) -> Iterator[None]:
    """Make it the current span in the block."""
    with trace.use_span(started, record_exception=False, set_status_on_exception=False):
        yield


def fail(started: trace.Span, error: BaseException) -> None:
    """Record the type of `error`, or that the work was cancelled, and where it was raised."""
    if not started.is_recording():
        return
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    started.set_attribute("error.type", kind)
    if isinstance(error, asyncio.CancelledError):
        started.set_status(StatusCode.ERROR, "cancelled")
        return
    frames = "".join(traceback.format_tb(error.__traceback__, limit=-20))
    started.set_status(StatusCode.ERROR, kind)
    started.add_event("exception", {"exception.type": kind, "exception.stacktrace": frames})


def current_span_id() -> str:
    """The id of the current span, or of the current request; empty without a trace."""
    own = trace.get_current_span().get_span_context()
    if own.is_valid:
        return f"{own.span_id:016x}"
    context = current_context.get(None)
    return "" if context is None else context.span_id


def _parent() -> Context | None:
    """The current request as the parent, if there is no other span. The request's own span is created later, from its record."""
    context = current_context.get(None)
    if context is None or not context.trace_id or trace.get_current_span().get_span_context().is_valid:
        return None
    own = remote(context.trace_id, context.span_id, context.trace_flags, context.tracestate, is_remote=False)
    return trace.set_span_in_context(trace.NonRecordingSpan(own))


def remote(trace_id: str, span_id: str, flags: int, tracestate: str = "", *, is_remote: bool = True) -> trace.SpanContext:
    """The span of another unit by its ids in lower-case hex, or an invalid one. `tracestate` is valid or empty."""
    if not span_id:
        return trace.INVALID_SPAN_CONTEXT
    state = trace.TraceState.from_header([tracestate]) if tracestate else None
    return trace.SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, trace.TraceFlags(flags), state)


def traced[F](*, name: str, attributes: Attributes | None = None) -> Callable[[F], F]:
    """Create a span for each call of a function, plain or `async`, of a generator, plain or `async`, and of a static or class method.

    The span of a generator lasts from its first step to its end; it is the current span while the generator runs, not between its steps.
    An exception is recorded by its type, and cancelled work is marked.

    >>> @traced(name="process_order", attributes={"service": "orders"})
    ... def process(order_id: str) -> str:
    ...     return order_id
    >>> process("A1")
    'A1'
    """

    def decorate(function: F) -> F:
        if isinstance(function, staticmethod | classmethod):
            return cast("F", type(function)(_wrapped(function.__func__, name, attributes)))
        return cast("F", _wrapped(cast("Callable[..., Any]", function), name, attributes))

    return decorate


def _wrapped(function: Callable[..., Any], name: str, attributes: Attributes | None) -> Callable[..., Any]:
    @functools.wraps(function)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with span(name, attributes):
            return await function(*args, **kwargs)

    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from _steps(function(*args, **kwargs), name, attributes))

    @functools.wraps(function)
    def async_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        return _async_steps(function(*args, **kwargs), name, attributes)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with span(name, attributes):
            return function(*args, **kwargs)

    if inspect.isasyncgenfunction(function):
        return async_generator
    if inspect.isgeneratorfunction(function):
        return generator
    return coroutine if inspect.iscoroutinefunction(function) else plain


def _steps(inner: Generator[Any, Any, Any], name: str, attributes: Attributes | None) -> Generator[Any, Any, Any]:
    """The steps of `inner`, each with the span as the current one: the consumer's code between them is not part of it."""
    started = start(name, attributes)
    step, argument = inner.send, cast("Any", None)
    with ending(started):
        while True:
            try:
                with as_current(started):
                    value = step(argument)
            except StopIteration as end:
                return end.value
            try:
                step, argument = inner.send, (yield value)
            except GeneratorExit:
                with as_current(started):
                    inner.close()
                raise
            except BaseException as error:
                step, argument = inner.throw, error


async def _async_steps(inner: AsyncGenerator[Any, Any], name: str, attributes: Attributes | None) -> AsyncGenerator[Any, Any]:
    started = start(name, attributes)
    step, argument = inner.asend, cast("Any", None)
    with ending(started):
        while True:
            try:
                with as_current(started):
                    value = await step(argument)
            except StopAsyncIteration:
                return
            try:
                step, argument = inner.asend, (yield value)
            except GeneratorExit:
                with as_current(started):
                    await inner.aclose()
                raise
            except BaseException as error:
                step, argument = inner.athrow, error
