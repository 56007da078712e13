"""A test run that is terminated or killed leaves no process behind: neither its xdist workers nor what their tests started."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.documentation import ROOT
from tests.e2e.processes import PATIENCE, alive, children, environment, until
from tests.isolation import start

PYTEST = [sys.executable, "-m", "pytest", "-n", "1", *(f"-p{plugin}" for plugin in ("asyncio", "xdist", "timeout", "hypothesispytest"))]
TEST = "tests/e2e/test_commands.py::test_a_worker_of_its_own_attaches_and_ends_on_sigterm"
MARK = "TEST_RUN"


def marked(mark: str) -> set[int]:
    """The running processes whose environment contains `mark`."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:  # another user's, or ended
            continue
    return {pid for pid in found if alive(pid)}


def descendants(pid: int) -> dict[int, str]:
    """All processes below `pid`, with their command lines."""
    found = children(pid)
    return found | {below: command for child in found for below, command in descendants(child).items()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.slow
def test_a_test_run_that_is_ended_by_a_signal_leaves_no_process(home: Path, number: signal.Signals) -> None:
    mark = str(uuid4())
    variables = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **{MARK: mark})
    with (home / "output").open("wb") as output:
        run = start([*PYTEST, TEST], cwd=ROOT, env={n: v for n, v in variables.items() if not n.startswith("PYTEST_XDIST")}, stdout=output)
    try:
        until(lambda: complete(run), "a run with a backend, a worker and PostgreSQL", 3 * PATIENCE)
        family = {run.pid, *descendants(run.pid), *marked(mark)}
        os.kill(run.pid, number)
        assert run.wait() == -number
        until(lambda: not [pid for pid in family | marked(mark) if alive(pid)], "the end of all processes")
    finally:
        run.kill()
        run.wait()


def complete(run: subprocess.Popen[bytes]) -> bool:
    """Whether the run has started every kind of process. Fails the test when the run has ended."""
    assert run.poll() is None
    commands = " ".join(descendants(run.pid).values())
    return all(program in commands for program in ("api_base.cli serve", "server_process", "api_base.cli worker", "bin/postgres"))
