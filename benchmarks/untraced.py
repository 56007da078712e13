"""The measured side of `tracing` without an endpoint: requests as shipped, and the same without a trace context, in turn in one process.

The functions without it are made from the source of those that are shipped, so that both differ in the parts below and in nothing else.
"""

import asyncio
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from api_base.infrastructure.events.outbox import OutboxParticipant
from api_base.infrastructure.observability.recorder import BatchingRecorder
from api_base.interface.middleware.http_exchange import HttpExchange
from api_base.interface.middleware.logging import LoggingMiddleware
from benchmarks.counted import counted

_IDS: Final = """
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
        values = (request_id, trace_id, span_id, parent, flags, address,"""
_ID: Final = """
        request_id = (None if exchange.request_id is None else valid_request_id(exchange.request_id)) or self._bits(128).to_bytes(16).hex()
        values = (request_id, "", "", "", 0, address,"""
PARTS: Final = (
    (LoggingMiddleware, "_context", _IDS, _ID),
    (LoggingMiddleware, "_context", "if exchange.tracestate is None and exchange.baggage is None:\n            return", "return"),
    (LoggingMiddleware, "__call__", """, (b"traceparent", context.traceparent.encode())""", ","),
    (HttpExchange, "__init__", "self.traceparent = ", ""),
    (HttpExchange, "__init__", "self.tracestate = self.baggage = ", ""),
    (BatchingRecorder, "finished", "if context.trace_flags:", "if False:"),
    (OutboxParticipant, "_row", "context.propagated", '""'),
)
"""Functions, and what their source has of a trace context, with what replaces it without one."""


def without_trace_context() -> dict[tuple[type, str], Callable[..., Any]]:
    """Return the functions without a trace context. Raises `ValueError` for a part that the source of its function does not have."""
    sources: dict[tuple[type, str], str] = {}
    for owner, name, part, instead in PARTS:
        source = sources.get((owner, name)) or inspect.getsource(getattr(owner, name))
        if source.count(part) != 1:
            raise ValueError(f"{owner.__name__}.{name} has this part {source.count(part)} times: {part}")
        sources[owner, name] = source.replace(part, instead)
    return {found: _compiled(*found, source) for found, source in sources.items()}


def _compiled(owner: type, name: str, source: str) -> Callable[..., Any]:
    made: dict[str, Callable[..., Any]] = {}
    exec(textwrap.dedent(source), vars(sys.modules[owner.__module__]), made)
    return made[name]


@contextmanager
def untraced() -> Iterator[None]:
    """No request has a trace context inside the block."""
    shipped = {found: getattr(*found) for found in _WITHOUT}
    for (owner, name), function in _WITHOUT.items():
        setattr(owner, name, function)
    try:
        yield
    finally:
        for (owner, name), function in shipped.items():
            setattr(owner, name, function)


_WITHOUT: Final = without_trace_context()

if __name__ == "__main__":
    asyncio.run(counted({"traced": nullcontext, "untraced": untraced}))
