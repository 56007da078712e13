"""The observability of a running backend: a log line per request, metrics of all its processes, spans to an OTLP receiver."""

import json
import re
import signal
import subprocess
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, environment, free_port, serving, until, working
from tests.otlp import receiving

pytestmark = pytest.mark.slow

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
"""For a test that waits for spans while the process runs: they are sent after 100 ms, not 5 s."""


def test_a_trace_comes_in_goes_through_and_goes_out(project: Project) -> None:
    with receiving() as receiver, serving(project.home, OBSERVABILITY__OTLP_ENDPOINT=receiver.url, **SOON) as backend:
        token = project.log_in(backend.ready())
        headers = {"authorization": f"Bearer {token}", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        with urlopen(Request(f"http://127.0.0.1:{backend.port}/api/v1/items?limit=1", headers=headers)) as answer:
            _, trace, span, flags = answer.headers["traceparent"].split("-")
        assert (trace, flags) == (TRACE, "01")
        until(lambda: "GET /api/v1/items" in receiver.trace(TRACE).names(), "the span of the request")
    found = receiver.trace(TRACE)
    of_request, of_message = found.named("GET /api/v1/items"), found.named("ListItems")
    assert (of_request.span_id.hex(), of_request.parent_span_id.hex()) == (span, PARENT)
    assert of_message.parent_span_id.hex() == span
    assert found.way_to(found.named("SELECT items")) == ["GET /api/v1/items", "ListItems", "SELECT items"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_last_spans_go_out_before_the_end(project: Project, number: signal.Signals) -> None:
    with receiving() as receiver, serving(project.home, "--no-worker", OBSERVABILITY__OTLP_ENDPOINT=receiver.url) as backend:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert backend.ready().exchange("GET", "/api/v1/items", None, None, headers)[0] == 401
        assert backend.end(number) == 0
        assert receiver.trace(TRACE).roots() == ["GET /api/v1/items"]


def figures(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def of_each_process(name: str, port: int) -> list[float]:
    return [value for series, value in figures(port).items() if series.startswith(f"{name}{{pid=")]


def test_each_request_is_one_line_and_counted_whichever_process_answers(project: Project) -> None:
    port = free_port()
    settings = {"SERVER__WORKERS": "2", "OBSERVABILITY__METRICS_PORT": str(port), "OBSERVABILITY__LOG_FORMAT": "json"}
    with serving(project.home, "--no-worker", **settings) as backend:
        token = project.log_in(backend.ready())
        until(lambda: len(of_each_process("database_pool_connections_open", port)) == 2, "the pools of both processes")
        until(lambda: len(of_each_process("process_cpu_seconds_total", port)) == 2, "the figures of both processes")
        me = backend.request("GET", "/api/v1/users/me", None, token)[1]
        for number in range(30):
            assert backend.request("GET", f"/nowhere/{number}")[0] == 404
        assert backend.request("GET", "/metrics")[0] == 404

        nowhere = 'http_requests_total{method="GET",route="<unmatched>",status="404"}'
        until(lambda: figures(port).get(nowhere) == 31, "the figures of both processes")
        found = figures(port)
        assert found['http_requests_total{method="POST",route="/api/v1/auth/login",status="200"}'] == 1
        assert found['http_request_duration_seconds_count{method="GET",route="/api/v1/users/me",status="200"}'] == 1
        assert found["http_requests_in_progress"] == 0
        assert not [name for name in found if "nowhere" in name]
    lines = [json.loads(line) for line in backend.output.splitlines() if '"event":"request"' in line]
    (line,) = [line for line in lines if line["route"] == "/api/v1/users/me"]
    assert (line["method"], line["status"], line["principal"]) == ("GET", 200, me["id"])
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    assert line["request_id"] == line["trace_id"]
    assert line["milliseconds"] > 0
    assert line["tenant"]
    assert len([line for line in lines if line["route"] == "<unmatched>"]) == 31
    assert "/nowhere/" not in backend.output


def test_a_worker_alone_serves_its_figures(project: Project) -> None:
    port = free_port()
    with serving(project.home, "--no-worker") as backend:
        backend.ready()
        with working(project.home, "--metrics-port", str(port)) as worker:
            until(lambda: "worker_started" in worker.output, "the worker")
            until(lambda: of_each_process("jobs_waiting", port) == [0], "the figures of what waits")
            assert len(of_each_process("process_cpu_seconds_total", port)) == 1
            taken = subprocess.run(
                [*COMMAND, "worker", "--metrics-port", str(port)],
                cwd=project.home, env=environment(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert taken.returncode == 2
            assert f"--metrics-port: cannot listen on 127.0.0.1:{port}" in taken.stderr
            assert "Traceback" not in taken.stderr
            assert worker.end(signal.SIGTERM) == 0
