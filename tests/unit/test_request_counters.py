"""Counters of requests: right in one process, right over several, alive or dead."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api_base.core.protocols import CircuitState, DependencyFigures
from api_base.infrastructure.observability.counters import DEPENDENCIES, GAUGES, SLOTS, Counters
from api_base.infrastructure.observability.dependencies import words
from api_base.infrastructure.observability.exposition import MergedMetrics
from tests.isolation import child_setup

type Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(metrics: MergedMetrics) -> Samples:
    families = text_string_to_metric_families(metrics.exposition("")[0].decode())
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def of(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


GET_ITEM = {"method": "GET", "route": "/items/{id}", "status": "200"}


def test_requests_are_counted_by_method_route_and_status() -> None:
    counters = Counters()
    for seconds in (0.0005, 0.001, 0.0011, 3, 100):
        counters.started()
        counters.finished("GET", "/items/{id}", 200, seconds)
    counters.started()
    found = samples(MergedMetrics(counters))
    assert of(found, "http_requests_total", **GET_ITEM) == 5
    assert of(found, "http_request_duration_seconds_count", **GET_ITEM) == 5
    assert of(found, "http_request_duration_seconds_sum", **GET_ITEM) == pytest.approx(103.0026)
    assert of(found, "http_request_duration_seconds_bucket", le="0.001", **GET_ITEM) == 2
    assert of(found, "http_request_duration_seconds_bucket", le="0.0025", **GET_ITEM) == 3
    assert of(found, "http_request_duration_seconds_bucket", le="5.0", **GET_ITEM) == 4
    assert of(found, "http_request_duration_seconds_bucket", le="+Inf", **GET_ITEM) == 5
    assert of(found, "http_requests_in_progress") == 1


def test_a_process_tells_of_itself() -> None:
    found = samples(MergedMetrics(Counters()))
    pid = str(os.getpid())
    assert (of(found, "process_resident_memory_bytes", pid=pid) or 0) > 1e6
    assert (of(found, "process_open_fds", pid=pid) or 0) > 2


def test_gauges_are_shown_as_they_are_now() -> None:
    counters = Counters()
    counters.gauge("pool_open", 3)
    counters.gauge("pool_open", 2.5)
    for i in range(GAUGES + 5):
        counters.gauge(f"more_{i}", i)
    found = samples(MergedMetrics(counters))
    assert of(found, "pool_open", pid=str(os.getpid())) == 2.5
    assert of(found, f"more_{GAUGES}", pid=str(os.getpid())) is None


def test_the_number_of_series_is_bounded_and_nothing_is_lost() -> None:
    counters = Counters()
    for i in range(SLOTS * 5):
        counters.finished("GET", f"/route/{i}", 200, 0.01)
    found = samples(MergedMetrics(counters))
    totals = [value for (name, _), value in found.items() if name == "http_requests_total"]
    assert len(totals) < SLOTS
    assert sum(totals) == SLOTS * 5


def test_made_up_methods_are_one_series() -> None:
    counters = Counters()
    for i in range(100):
        counters.finished(f"METHOD{i}", "<unmatched>", 405, 0.01)
    found = samples(MergedMetrics(counters))
    assert of(found, "http_requests_total", method="OTHER", route="<unmatched>", status="405") == 100


@pytest.mark.parametrize("route", ["/" + "x" * 400, "/größe/{id}", "/a b", '/"quoted"', "/back\\slash", "/é" * 200])
def test_any_template_can_be_shown(route: str) -> None:
    counters = Counters()
    counters.finished("GET", route, 200, 0.01)
    found = samples(MergedMetrics(counters))
    (labels,) = [dict(labels) for name, labels in found if name == "http_requests_total"]
    assert route.startswith(labels["route"].rstrip("\N{REPLACEMENT CHARACTER}"))


def test_figures_of_dependencies_are_labelled_and_bounded() -> None:
    counters = Counters()
    counters.dependency("mail", words(replace(FIGURES, state=CircuitState.HALF_OPEN)))
    counters.dependency("mail", words(FIGURES))
    for i in range(DEPENDENCIES + 5):
        counters.dependency(f"more {i}", words(FIGURES))
    counters.gauge("pool_open", 3)
    counters.finished("GET", "/items/{id}", 200, 0.1)
    found = samples(MergedMetrics(counters))
    pid = str(os.getpid())
    totals = ("calls", "failures", "slow", "refused", "retries", "openings")
    assert [of(found, f"dependency_{name}_total", dependency="mail") for name in totals] == [30, 20, 10, 7, 5, 1]
    assert [of(found, f"dependency_{name}", dependency="mail", pid=pid) for name in ("in_flight", "queued")] == [4, 2]
    states = [of(found, "dependency_circuit_state", dependency="mail", pid=pid, state=state.value) for state in CircuitState]
    assert states == [0, 0, 1]
    assert of(found, "dependency_calls_total", dependency=f"more {DEPENDENCIES - 2}") == 30
    assert of(found, "dependency_calls_total", dependency=f"more {DEPENDENCIES - 1}") is None
    assert (of(found, "pool_open", pid=pid), of(found, "http_requests_total", **GET_ITEM)) == (3, 1)


FIGURES = DependencyFigures(
    name="mail", state=CircuitState.OPEN, in_flight=4, queued=2, calls=30, failures=20, slow=10, refused=7, retries=5, openings=1
)

COUNT = """
import os, sys
from pathlib import Path
from api_base.infrastructure.observability.counters import Counters
counters = Counters(Path(sys.argv[1]))
counters.gauge("pool_open", 7)
counters.gauge("cache_hits_total", 5)
counters.dependency("mail", [2, 30, 20, 10, 7, 5, 1, 4, 2])
for _ in range(1000):
    counters.started()
    counters.finished("GET", "/items/{id}", 200, 0.002)
counters.started()
print(os.getpid(), flush=True)
sys.stdin.read()
"""


def test_every_process_shows_the_figures_of_all_the_dead_ones_totals_included(tmp_path: Path) -> None:
    own = Counters(tmp_path)
    metrics = MergedMetrics(own, tmp_path)
    own.finished("GET", "/items/{id}", 200, 0.002)
    own.started()
    own.started()
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    others = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=child_setup()) for _ in range(2)
    ]
    try:
        pids = []
        for other in others:
            assert other.stdout is not None
            pids.append(other.stdout.readline().strip())
        alive = samples(metrics)
        others[0].kill()
        others[0].wait()
        after = samples(metrics)
    finally:
        for other in others:
            other.kill()
            other.communicate()
    assert of(alive, "http_requests_total", **GET_ITEM) == of(after, "http_requests_total", **GET_ITEM) == 2001
    assert of(alive, "http_requests_in_progress") == 3
    assert of(after, "http_requests_in_progress") == 2
    assert [of(alive, "pool_open", pid=pid) for pid in pids] == [7, 7]
    assert [of(after, "pool_open", pid=pid) for pid in pids] == [None, 7]
    assert of(alive, "cache_hits_total") == of(after, "cache_hits_total") == 10
    assert of(alive, "dependency_calls_total", dependency="mail") == of(after, "dependency_calls_total", dependency="mail") == 60
    assert [of(alive, "dependency_in_flight", dependency="mail", pid=pid) for pid in pids] == [4, 4]
    assert [of(after, "dependency_in_flight", dependency="mail", pid=pid) for pid in pids] == [None, 4]
    assert of(after, "dependency_circuit_state", dependency="mail", state="open", pid=pids[1]) == 1
    assert of(after, "process_cpu_seconds_total", pid=pids[1]) is not None
    own.close()


def test_what_was_counted_stays_when_the_file_is_let_go(tmp_path: Path) -> None:
    counters = Counters(tmp_path)
    counters.finished("GET", "/items/{id}", 200, 0.002)
    counters.close()
    counters.finished("GET", "/items/{id}", 200, 0.002)
    counters.close()
    reader = Counters(tmp_path)
    found = samples(MergedMetrics(reader, tmp_path))
    assert of(found, "http_requests_total", **GET_ITEM) == 1
    reader.close()


def test_a_file_that_is_just_being_made_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "1-0.counters").write_bytes(b"")
    assert of(samples(MergedMetrics(Counters(), tmp_path)), "http_requests_in_progress") == 0
