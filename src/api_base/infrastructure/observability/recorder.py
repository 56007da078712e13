"""The recorder behind the first middleware: two additions and an append for each request. Log lines and spans are made in batches."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from api_base.core.protocols import DependencyFigures, RequestRecorder
from api_base.core.shared.logging import get_logger
from api_base.core.types import RequestContext
from api_base.infrastructure.observability.counters import Counters
from api_base.infrastructure.observability.dependencies import words

logger = get_logger(__name__)

BATCH: Final = 256
"""Number of requests after which a batch is written immediately."""
FLUSH_INTERVAL: Final = 0.05
"""Seconds after which a batch is written in any case."""
GAUGE_INTERVAL: Final = 1.0
"""Seconds between two readings of the gauges."""


class RequestRecord(NamedTuple):
    """`route` is the template; `started_at` is in seconds since the epoch, `seconds` the duration."""

    context: RequestContext
    method: str
    route: str
    status: int
    started_at: float
    seconds: float


class Sink(Protocol):
    """A destination of batches: the access log, the spans."""

    def write(self, records: list[RequestRecord], /) -> None: ...


class BatchingRecorder(RequestRecorder):
    """Built closed: `open` needs the running event loop. `gauges` returns figures of this process by metric name, such as those of the
    pool; `dependencies` returns those of outbound dependencies."""

    def __init__(
        self,
        counters: Counters,
        sinks: tuple[Sink, ...] = (),
        gauges: Callable[[], Mapping[str, float]] = dict,
        dependencies: Callable[[], Iterable[DependencyFigures]] = tuple,
    ) -> None:
        self._counters, self._sinks, self._gauges, self._dependencies = counters, sinks, gauges, dependencies
        self._records: list[RequestRecord] = []
        self._flush_timer: asyncio.TimerHandle | None = None
        self._gauge_timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Start reading the gauges periodically."""
        self._read_gauges()
        self._gauge_timer = asyncio.get_running_loop().call_later(GAUGE_INTERVAL, self.open)

    def _read_gauges(self) -> None:
        for name, value in self._gauges().items():
            self._counters.gauge(name, value)
        for figures in self._dependencies():
            self._counters.dependency(figures.name, words(figures))

    def close(self) -> None:
        """Write the pending batch, and close the counters' file."""
        if self._gauge_timer is not None:
            self._gauge_timer.cancel()
            self._read_gauges()  # totals outlive the process
        self.flush()
        self._counters.close()

    def started(self) -> None:
        self._counters.started()

    def finished(self, context: RequestContext, method: str, route: str, status: int, started_at: float, seconds: float) -> None:
        self._counters.finished(method, route, status, seconds)
        if context.trace_flags:
            self._counters.traced(method, route, status, seconds, context.trace_id, context.span_id)
        if not self._sinks:
            return
        self._records.append(RequestRecord(context, method, route, status, started_at, seconds))
        if len(self._records) >= BATCH:
            self.flush()
        elif self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(FLUSH_INTERVAL, self.flush)

    def flush(self) -> None:
        """Pass the batch to every sink. A failing sink loses the batch, without an effect on requests or other sinks."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        records, self._records = self._records, []
        for sink in self._sinks if records else ():
            try:
                sink.write(records)
            except Exception as error:
                logger.warning("request_records_lost", sink=type(sink).__name__, count=len(records), reason=str(error))
