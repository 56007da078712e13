"""Runs tests in forked processes, so that a run neither starts Python nor imports libraries nor makes a database server.

`python -m tools.mutants.warm` in a copy of the project reads requests from standard input, one JSON object on a line, and answers each with
a line. A run is a fork of a process that has collected all tests, if its mutations are in functions; else of one that has imported only the
libraries, and collects tests again.
"""

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from tools.mutants.runs import POLL_SECONDS, REFUSED, Ended, Request, begin, wait
from tools.mutants.scope import SUITE

PLUGINS: Final = (
    "pytest_asyncio.plugin",
    "pytest_timeout",
    "_hypothesis_pytestplugin",
    "tools.mutants.outcomes",
    "tools.mutants.shared_database",
)
REWRITTEN: Final = ("pytest_asyncio", "pytest_timeout", "_hypothesis_pytestplugin")
"""Plugins, whose assertions pytest rewrites when it imports them."""
KEEPER_SECONDS: Final = 120.0
TEST_SECONDS: Final = 60
"""After which a test has failed that waits for ever: the others of the suite still run. The longest takes ten."""


def _pytest(*arguments: str) -> int:
    import pytest

    plugins = [part for plugin in PLUGINS for part in ("-p", plugin)]
    return pytest.main([*plugins, "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}", "-q", *arguments])


@dataclass(frozen=True, slots=True)
class Hot:
    """The process that has collected all tests."""

    requests: TextIO
    answers: TextIO
    tests: Sequence[str]

    def run(self, request: Request) -> Ended:
        print(request.json(), file=self.requests, flush=True)
        return Ended(**json.loads(self.answers.readline()))


def _start_hot() -> Hot:
    reading, requests = os.pipe()
    answers, writing = os.pipe()
    if os.fork() == 0:
        os.close(requests)
        os.close(answers)
        os.environ["MUTANTS_PIPES"] = f"{reading} {writing}"
        _pytest("-p", "tools.mutants.hot", *SUITE)
        os._exit(0)
    os.close(reading)
    os.close(writing)
    found = os.fdopen(answers)
    return Hot(os.fdopen(requests, "w"), found, json.loads(found.readline()))


def _import_libraries() -> None:
    for name in json.loads(Path(os.environ["MUTANTS_MODULES"]).read_text(encoding="utf-8")):
        if name.partition(".")[0] not in REWRITTEN:
            with suppress(Exception):  # a part of a package that is only made while it runs
                importlib.import_module(name)
    assert "api_base" not in sys.modules  # or changes to it would not count
    gc.collect()
    gc.freeze()


def _keep_database() -> int:
    """Start the process that keeps the server. The descriptor whose closing ends it."""
    file = Path(os.environ["MUTANTS_DATABASE"])
    reading, writing = os.pipe()
    if (keeper := os.fork()) == 0:
        os.close(writing)
        os.dup2(reading, 0)
        os.environ["MUTANTS_KEEP"] = os.environ.pop("MUTANTS_DATABASE")
        os._exit(_pytest("-s", "-p", "tests.conftest", "tools/mutants/keep_database.py"))
    os.close(reading)
    deadline = time.monotonic() + KEEPER_SECONDS
    while not file.exists():
        if time.monotonic() > deadline or os.waitpid(keeper, os.WNOHANG)[0]:
            raise SystemExit("The database server of the tests does not start.")
        time.sleep(POLL_SECONDS)
    return writing


def _run_cold(request: Request, keeper: int) -> Ended:
    if (pid := os.fork()) == 0:
        os.close(keeper)
        begin(request)
        os.environ["MUTANTS_CHOSEN"] = json.dumps(request.chosen)
        files = dict.fromkeys(test.partition("::")[0] for test in request.chosen)
        code = _pytest(*(["-x"] if request.stop else []), *files)
        os._exit(code)
    return wait(pid, request.seconds)


def main() -> None:
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, descriptor in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(descriptor, number)
    hot = _start_hot()
    _import_libraries()
    keeper = _keep_database()
    print(json.dumps(hot.tests), file=answers, flush=True)
    for line in requests:
        request = Request(**json.loads(line))
        ended = hot.run(request) if request.shared else Ended(code=REFUSED, limit=None)
        print((_run_cold(request, keeper) if ended.code == REFUSED else ended).json(), file=answers, flush=True)


if __name__ == "__main__":
    main()
