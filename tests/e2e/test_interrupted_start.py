"""Signals at any moment of a start, and output that nobody reads: exit code 0, no traceback, nothing left."""

import os
import random
import signal
import subprocess
import time
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, PATIENCE, Backend, alive, children, environment, free_port, serving, until
from tests.isolation import start

MOMENTS: Final = int(os.environ.get("MOMENTS", "0"))
"""Moments for each signal and target; by default one for each signal, each at another target."""
MAX_DELAY_SECONDS: Final = 3.0
"""Seconds: a start is over by then, unless the machine is busy."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TARGETS: Final = ("parent", "child", "group")
WAITS: Final = (0.0, 0.3, 1.0)
"""Seconds after a worker handles signals."""
STARTS: Final = [(*pair, moment) for pair in product(SIGNALS, TARGETS) for moment in range(MOMENTS)] or [
    (number, target, 0) for number, target in zip(SIGNALS, TARGETS, strict=True)
]
WORKERS: Final = list(product(SIGNALS, WAITS)) if MOMENTS else list(zip(SIGNALS, WAITS, strict=True))


def handles_signals(pid: int) -> bool:
    """Whether the process handles SIGHUP [proc(5), SigCgt], the last that the program installs. Python handles SIGINT, and coverage SIGTERM, before."""
    return bool(int(Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0], 16) >> (signal.SIGHUP - 1) & 1)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "target", "moment"), STARTS)
def test_a_signal_at_any_moment_of_the_start_is_safe(project: Project, number: signal.Signals, target: str, moment: int) -> None:
    with serving(project.home, "--workers", "2") as backend:
        parent = backend.process.pid
        until(lambda: handles_signals(parent), "handlers")
        time.sleep(random.Random(f"{number} {target} {moment}").uniform(0, MAX_DELAY_SECONDS))
        family = backend.family()
        if target == "child":
            pid = until(lambda: sorted(pid for pid, command in children(parent).items() if "api_base" in command), "a child")[
                moment % 2 - 1
            ]
            os.kill(pid, number)
        elif target == "group":
            os.killpg(parent, number)
        else:
            os.kill(parent, number)
        if target == "child" or number == signal.SIGHUP:
            assert backend.ready().end(signal.SIGTERM) == 0, backend.output
        else:
            assert backend.process.wait(PATIENCE) == 0, backend.output
        until(lambda: not any(alive(pid) for pid in family), "the end of all processes", 10)
        assert "Traceback" not in backend.output
        assert "Exception ignored" not in backend.output


@pytest.mark.slow
def test_a_worker_ends_at_any_signal_of_its_start(project: Project) -> None:
    with serving(project.home, "--no-worker") as backend:
        backend.ready()
        for number, wait in WORKERS:
            log = project.home / "worker.log"
            with log.open("wb") as output:
                worker = start([*COMMAND, "worker"], cwd=project.home, env=environment(), stdout=output)
            until(lambda pid=worker.pid: handles_signals(pid), "handlers")
            time.sleep(wait)
            worker.send_signal(number)
            assert worker.wait(PATIENCE) == 0, number
            assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_a_full_log_disk_ends_nothing(project: Project) -> None:
    with Path("/dev/full").open("wb") as full:
        survives(project, full.fileno())


@pytest.mark.slow
def test_a_dead_log_reader_ends_nothing(project: Project) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    survives(project, writer)
    os.close(writer)


def survives(project: Project, output: int) -> None:
    """Serve with all output on the descriptor: requests, errors, a reload and the death of a child write to it."""
    port = free_port()
    process = start(
        [*COMMAND, "serve", "--port", str(port)],
        cwd=project.home,
        env=environment(OBSERVABILITY__LOG_LEVEL="debug"),
        stdout=os.fdopen(os.dup(output), "wb"),
    )
    backend = Backend(project.home, port, process, Path("/dev/null"))
    try:
        backend.ready()
        worker = until(lambda: backend.child("cli worker"), "a worker")
        for name in ("server_process", "cli worker"):
            before = backend.child(name)
            subprocess.run(["kill", "-9", str(before)], check=True)
            until(lambda name=name, before=before: backend.child(name) not in (None, before), "another one")
        until(backend.answers, "an answer")
        assert backend.child("cli worker") != worker
        assert backend.end(signal.SIGTERM) == 0
    finally:
        process.kill()
