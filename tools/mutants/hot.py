"""A pytest plugin: when all tests are collected, pytest waits for requests and forks for each; the fork exchanges code and runs tests.

`MUTANTS_PIPES` holds the descriptors that it reads requests from and writes answers to, one JSON object on a line.
"""

import gc
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tools.mutants import outcomes
from tools.mutants.runs import REFUSED, Request, begin, wait
from tools.mutants.swap import Swapper

SOURCE: Final = Path("src").absolute()
SWAPPER: Final = pytest.StashKey[Swapper]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Watch from here on which functions are called by importing."""
    early_config.stash[SWAPPER] = Swapper(str(SOURCE))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    reading, writing = (int(number) for number in os.environ.pop("MUTANTS_PIPES").split())
    items = {item.nodeid: item for item in session.items}
    sources = {str(file): file.read_bytes() for file in SOURCE.rglob("*.py")}
    gc.collect()
    session.config.stash[SWAPPER].imported()
    gc.freeze()
    Path(os.environ["MUTANTS_MODULES"]).write_text(json.dumps(_libraries()), encoding="utf-8")
    with os.fdopen(reading) as requests, os.fdopen(writing, "w") as answers:
        print(json.dumps(list(items)), file=answers, flush=True)
        for line in requests:
            request = Request(**json.loads(line))
            if (pid := os.fork()) == 0:
                begin(request)
                os._exit(_run(session, request, sources, [items[test] for test in request.chosen if test in items]))
            print(wait(pid, request.seconds).json(), file=answers, flush=True)
    return True


def _libraries() -> list[str]:
    """The imported modules that are not of this project."""
    here = str(Path.cwd())
    return [name for name, module in sys.modules.items() if not (getattr(module, "__file__", None) or here).startswith(here)]


def _run(session: pytest.Session, request: Request, sources: dict[str, bytes], chosen: Sequence[pytest.Item]) -> int:
    changes = {file: (sources[file], Path(file).read_bytes()) for file in (str(SOURCE.parent / name) for name in request.changed)}
    if not session.config.stash[SWAPPER].swap(changes):
        return REFUSED
    outcomes.forget()
    code = 0
    try:
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if outcomes.failed():
                code = 1
                if request.stop:
                    break
        session._setupstate.teardown_exact(None)
    except BaseException:  # whatever a fixture raises at the end, the tests have been judged
        code = code or 1
    outcomes.write()
    return code
