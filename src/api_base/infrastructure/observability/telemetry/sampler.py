"""Every span is recorded; it is sampled if its parent is. A span without a parent, of a process without requests, is sampled by the rate."""

import random
import time
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes


class RecordingSampler(Sampler):
    """`ratio` is the fraction of the traces without a parent."""

    def __init__(self, ratio: float) -> None:
        self._root = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            sampled = parent.trace_flags.sampled
        else:
            sampled = self._root.should_sample(parent_context, trace_id, name).decision is Decision.RECORD_AND_SAMPLE
        return SamplingResult(Decision.RECORD_AND_SAMPLE if sampled else Decision.RECORD_ONLY, attributes, parent.trace_state)

    def get_description(self) -> str:
        return f"RecordingSampler({self._root.get_description()})"


class MessageSampler:
    """Decides about messages of connections and in bodies: the sampled flag of their senders is used `per_second` times a second, otherwise
    `ratio` decides. So no client can make the process export all of its spans.
    """

    def __init__(self, ratio: float, per_second: float) -> None:
        self._ratio, self._per_second = ratio, per_second
        self._left, self._at = per_second, time.monotonic()

    def decide(self, flags: int) -> int:
        """Return the flags of a message whose sender has the flags `flags`."""
        if flags & 1:
            now = time.monotonic()
            self._left = min(max(self._per_second, 1.0), self._left + (now - self._at) * self._per_second)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return 1
        return int(random.random() < self._ratio)  # noqa: S311 -- no secret
