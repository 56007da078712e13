"""Spans of operations [OpenTelemetry, "Semantic conventions for GraphQL server spans"]: never a document, a variable or a value."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span

from api_base.core.shared.trace_units import CONSUMER, enabled, fail_unit, message, unit
from api_base.core.types import NO_REQUEST, RequestContext, current_context

if TYPE_CHECKING:
    from api_base.interface.graphql.engine import Response

OPERATION: Final = "GraphQL Operation"
"""The name of a span before its operation is known, and of one that has none."""
MAX_NAME: Final = 200
"""Characters of the name of an operation, which clients choose."""


def describe(current: Span, type: str, name: str | None) -> None:
    """Note the operation. The name is no part of the span's: clients choose it."""
    if current.is_recording():
        current.update_name(type)
        current.set_attribute("graphql.operation.type", type)
        if name is not None:
            current.set_attribute("graphql.operation.name", name[:MAX_NAME])


def noted(current: Span, response: "Response") -> "Response":
    """Return the response; the unit of one with an error of the server has failed, whatever its status."""
    if response.failed is not None:
        fail_unit(current, response.failed)
    return response


def server_error(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the code of the first error with a status of 500 or more."""
    found = (one.get("extensions") or {} for one in errors)
    return next((str(one.get("code")) for one in found if one.get("status", 0) >= 500), None)


def event_span(source: object) -> AbstractContextManager[Span]:
    """The unit in which a message of a subscription is executed: in the trace of the request that caused its event, with a link to that of the
    subscriber; without one, in the latter. `source` is what the subscription yielded.
    """
    if not enabled():
        return nullcontext(trace.INVALID_SPAN)
    context = current_context.get(NO_REQUEST)
    caused = RequestContext.caused_by("", getattr(getattr(source, "event", None), "traceparent", ""))
    attributes = {"graphql.operation.type": "subscription"}
    if not caused.trace_id:
        return message(context, "subscription", attributes)
    return unit(context.in_trace_of(caused), "subscription", attributes, kind=CONSUMER, links=[context.traceparent])
