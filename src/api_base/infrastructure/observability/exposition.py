"""`/metrics`: the counters of all processes, merged at each scrape, in Prometheus' text format.

Totals of dead processes are included, their gauges are not.
"""

import fcntl
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Final

from prometheus_client import ProcessCollector, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from api_base.core.errors import ConfigurationError
from api_base.core.protocols import Metrics
from api_base.infrastructure.observability import counters as layout
from api_base.infrastructure.observability import dependencies
from api_base.infrastructure.observability.counters import Counters

_NEVER: Final = re.compile(r"q=0(\.0*)?").fullmatch
"""A quality value that refuses a media type [RFC 9110, section 12.4.2]."""
_NO_EXEMPLAR: Final = [0] * layout.EXEMPLAR
LABELS: Final = ("method", "route", "status")


@dataclass(slots=True)
class _Process:
    pid: int
    in_progress: int
    gauges: dict[str, float]


@dataclass(slots=True)
class _Snapshot:
    """`requests` holds bucket counts (not accumulated) and the sum of nanoseconds, by (method, route, status)."""

    requests: dict[tuple[str, str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * (len(layout.BUCKETS) + 2)))
    exemplars: dict[tuple[str, str, str], list[list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: [_NO_EXEMPLAR] * (len(layout.BUCKETS) + 1))
    )
    alive: list[_Process] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    dependencies: list[tuple[int | None, dict[str, memoryview]]] = field(default_factory=list)
    evaluations: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    deliveries: list[int] = field(default_factory=lambda: [0] * (len(layout.BUCKETS) + 2))
    """As those of requests."""

    def add(self, words: memoryview, *, alive: bool) -> None:
        gauges = {name: words[base + layout.VALUES] / layout.SCALE for base, name in _slots(words, range(1, layout.GAUGES + 1))}
        for name in [name for name in gauges if name.endswith(layout.TOTAL)]:
            self.totals[name] += gauges.pop(name)
        if alive and words[layout.PID]:
            self.alive.append(_Process(words[layout.PID], words[layout.IN_PROGRESS], gauges))
        found = {
            name: words[base + layout.VALUES : base + layout.SLOT]
            for base, name in _slots(words, range(layout.GAUGES + 1, layout.FIRST_EVALUATION))
        }
        self.dependencies.append((words[layout.PID] if alive else None, found))
        for base, key in _slots(words, range(layout.FIRST_EVALUATION, layout.DELIVERIES)):
            self.evaluations[key] += words[base + layout.VALUES]
        base = layout.DELIVERIES * layout.SLOT
        for i, value in enumerate(words[base + layout.VALUES : base + layout.SUM + 1]):
            self.deliveries[i] += value
        for base, key in _slots(words, range(layout.REQUESTS, layout.SLOTS)):
            method, status, route = key.split(" ", 2)
            total = self.requests[method, route, status]
            for i, value in enumerate(words[base + layout.VALUES : base + layout.SUM + 1]):
                total[i] += value
            latest = self.exemplars[method, route, status]
            for i, known in enumerate(latest):
                at = base + layout.EXEMPLARS + i * layout.EXEMPLAR
                latest[i] = max(known, list(words[at : at + layout.EXEMPLAR]), key=_time)


def _time(exemplar: Sequence[int]) -> int:
    return exemplar[4] if exemplar[3] else 0


def _bucket(bound: str, count: int, exemplar: Sequence[int]) -> tuple[str, float] | tuple[str, float, Exemplar]:
    high, low, span, nanoseconds, at = exemplar
    if not nanoseconds:
        return bound, count
    mask = (1 << 64) - 1
    labels = {"trace_id": f"{high & mask:016x}{low & mask:016x}", "span_id": f"{span & mask:016x}"}
    return bound, count, Exemplar(labels, nanoseconds / 1e9, at / 1e9)


class MergedMetrics(Collector, Metrics):
    """`directory` holds the counters of all processes. Without one, only `own` are exposed."""

    def __init__(self, own: Counters, directory: Path | None = None) -> None:
        self._own, self._directory = own, directory

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The text format of Prometheus; OpenMetrics, with exemplars of traces, if `accept` asks for it."""
        if any(_accepts_openmetrics(one) for one in accept.lower().split(",")):
            content: bytes = openmetrics.generate_latest(self)  # type: ignore[no-untyped-call]  # the library does not annotate it
            return content, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self), CONTENT_TYPE_PLAIN_0_0_4

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot()
        yield from _requests(snapshot)
        in_progress = GaugeMetricFamily("http_requests_in_progress", "Requests in progress.")
        in_progress.add_metric((), sum(process.in_progress for process in snapshot.alive))
        yield in_progress
        yield from _gauges(snapshot.alive)
        yield from _totals(snapshot.totals)
        yield from dependencies.families(snapshot.dependencies)
        yield from _evaluations(snapshot.evaluations)
        yield _deliveries(snapshot.deliveries)
        yield from _processes([process.pid for process in snapshot.alive])

    def _snapshot(self) -> _Snapshot:
        snapshot = _Snapshot()
        if self._directory is None:
            snapshot.add(self._own.words, alive=True)
        else:
            for file in sorted(self._directory.glob(f"*{layout.SUFFIX}")):
                _add_file(snapshot, file)
        return snapshot


def _accepts_openmetrics(media_range: str) -> bool:
    media_type, *parameters = (part.strip() for part in media_range.split(";"))
    return media_type == "application/openmetrics-text" and not any(_NEVER(parameter) for parameter in parameters)


def _add_file(snapshot: _Snapshot, path: Path) -> None:
    with path.open("rb") as file:
        alive = _locked(file.fileno())
        content = file.read()
    if len(content) == layout.SLOTS * layout.SLOT * layout.WORD:  # otherwise its process is still creating it
        snapshot.add(memoryview(content).cast("q"), alive=alive)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _slots(words: memoryview, numbers: range) -> Iterator[tuple[int, str]]:
    """Offset and key of the used slots. Slots are used in order."""
    for number in numbers:
        base = number * layout.SLOT
        length = words[base]
        if not length:
            return
        yield base, bytes(words[base + 1 : base + layout.VALUES])[:length].decode(errors="replace")


def _requests(snapshot: _Snapshot) -> Iterator[Metric]:
    total = CounterMetricFamily("http_requests", "Finished requests.", labels=LABELS)
    duration = HistogramMetricFamily(
        "http_request_duration_seconds", "Time from the request's headers to the end of the response.", labels=LABELS
    )
    for labels, (*counts, nanoseconds) in sorted(snapshot.requests.items()):
        total.add_metric(labels, sum(counts))
        bounds = [*map(str, layout.BUCKETS), "+Inf"]
        buckets = map(_bucket, bounds, accumulate(counts), snapshot.exemplars[labels])
        duration.add_metric(labels, list(buckets), sum_value=nanoseconds / 1e9)
    yield total
    yield duration


def _gauges(processes: Sequence[_Process]) -> Iterator[Metric]:
    for name in sorted({name for process in processes for name in process.gauges}):
        family = GaugeMetricFamily(name, f"{name.replace('_', ' ').capitalize()}, of each process.", labels=("pid",))
        for process in processes:
            if name in process.gauges:
                family.add_metric((str(process.pid),), process.gauges[name])
        yield family


def _totals(totals: Mapping[str, float]) -> Iterator[Metric]:
    for name, value in sorted(totals.items()):
        label = name.removesuffix(layout.TOTAL)
        family = CounterMetricFamily(label, f"{label.replace('_', ' ').capitalize()}, of all processes.")
        family.add_metric((), value)
        yield family


def _evaluations(counts: Mapping[str, int]) -> Iterator[Metric]:
    family = CounterMetricFamily("feature_flag_evaluations", "Evaluations of feature flags.", labels=("flag", "variant"))
    for key, count in sorted(counts.items()):
        family.add_metric(key.split(" "), count)
    yield family


def _deliveries(figures: Sequence[int]) -> Metric:
    *counts, nanoseconds = figures
    family = HistogramMetricFamily(
        "realtime_delivery_seconds", "Time from an event to its delivery to connected clients, once for each process and channel."
    )
    bounds = [*map(str, layout.BUCKETS), "+Inf"]
    family.add_metric((), list(zip(bounds, accumulate(counts), strict=True)), sum_value=nanoseconds / 1e9)
    return family


def _processes(pids: Sequence[int]) -> Iterator[Metric]:
    """The metrics of prometheus_client's `ProcessCollector`, for each process."""
    families: dict[str, Metric] = {}
    for pid in pids:
        for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
            family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
    yield from families.values()


def serve_metrics(metrics: MergedMetrics, host: str, port: int) -> Callable[[], None]:
    """Serve `/metrics` on a separate port, for networks where scrapers may reach ports that clients may not. It runs in a thread.

    Returns a function that stops it. Raises `ConfigurationError` if the port cannot be used."""
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics)
    except OSError as error:
        raise ConfigurationError(
            f"OBSERVABILITY__METRICS_PORT or --metrics-port: cannot listen on {host}:{port}: {error.strerror}. Choose another port."
        ) from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
