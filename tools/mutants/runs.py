"""A run of tests in a forked process, and how it ended."""

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final, Literal

REFUSED: Final = 77
"""The exit code of a fork that would have to import the changed files again."""
KILL_SECONDS: Final = 15.0
"""How long a run may take to end its servers before it is killed."""
POLL_SECONDS: Final = 0.02
type Limit = Literal["cpu", "clock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Run the tests `chosen`, up to the first failure with `stop`; those that a mutation makes disappear are left out.

    `changed` are the files with mutations, relative to the copy of the project. The limits are seconds: of the processor, and of the clock.
    `shared` takes the kept server for the tests' database.
    """

    chosen: Sequence[str]
    stop: bool
    changed: Sequence[str]
    cpu_seconds: int
    seconds: float
    shared: bool

    def json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """`code` is pytest's exit code; `limit` says which limit ended the run instead."""

    code: int | None
    limit: Limit | None

    def json(self) -> str:
        return json.dumps(asdict(self))


def begin(request: Request) -> None:
    """Make the forked process one of its own: session, limit of processor time, random numbers, database."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_seconds, request.cpu_seconds + 5))
    random.seed()
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if not request.shared:
        del os.environ["MUTANTS_DATABASE"]


def wait(pid: int, seconds: float) -> Ended:
    """Wait for a run; then end what is left of its session."""
    deadline = time.monotonic() + seconds
    limit: Limit | None = None
    while (found := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            limit = "clock"
            found = _interrupted(pid)
            break
        time.sleep(POLL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if limit is None and os.WIFSIGNALED(found[1]):
        limit = "cpu"
    return Ended(code=os.WEXITSTATUS(found[1]) if limit is None else None, limit=limit)


def _interrupted(pid: int) -> tuple[int, int]:
    """Interrupt pytest, so that fixtures end their servers; kill it if that does not help."""
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + KILL_SECONDS
    while (found := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)
        time.sleep(POLL_SECONDS)
    return found
