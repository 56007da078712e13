"""Spans through the OpenTelemetry API. Without a configured SDK they cost almost nothing and are discarded."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from opentelemetry import trace
from opentelemetry.context import Context

from api_base.core.types import current_context

_TRACER = trace.get_tracer("api_base")


@contextmanager
def span(name: str, attributes: Mapping[str, Any] | None = None) -> Iterator[trace.Span]:
    """A span around a block, as a child of the current span. Records an exception and lets it propagate."""
    with _TRACER.start_as_current_span(name, _parent(), attributes=dict(attributes or {})) as current:
        yield current


def _parent() -> Context | None:
    """The current request as the parent, if there is no other span. The request's own span is created later, from its record."""
    context = current_context.get(None)
    if context is None or not context.trace_id or trace.get_current_span().get_span_context().is_valid:
        return None
    request = trace.SpanContext(
        int(context.trace_id, 16), int(context.span_id, 16), is_remote=False, trace_flags=trace.TraceFlags(context.trace_flags)
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(request))


def traced[F: Callable[..., Any]](*, name: str, attributes: Mapping[str, Any] | None = None) -> Callable[[F], F]:
    """Create a span for each call of a function, plain or `async`.

    >>> @traced(name="process_order", attributes={"service": "orders"})
    ... def process(order_id: str) -> str:
    ...     return order_id
    >>> process("A1")
    'A1'
    """

    def decorate(function: F) -> F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def asynchronous(*args: Any, **kwargs: Any) -> Any:
                with span(name, attributes):
                    return await function(*args, **kwargs)

            return cast("F", asynchronous)

        @functools.wraps(function)
        def synchronous(*args: Any, **kwargs: Any) -> Any:
            with span(name, attributes):
                return function(*args, **kwargs)

        return cast("F", synchronous)

    return decorate
