"""A pytest plugin: writes how long each test took and which failed, as JSON, to the file that `MUTANTS_OUTCOMES` names.

A file beside it, with the suffix `.running`, names the test that runs, so that one that never ends is known too. `MUTANTS_CHOSEN` holds the ids
of the tests to run, as JSON: file by file, each in this order.
"""

import json
import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}
_failed: dict[str, None] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chosen := os.environ.get("MUTANTS_CHOSEN"):
        found = {item.nodeid: item for item in items}
        ids: list[str] = json.loads(chosen)
        files = list(dict.fromkeys(id.partition("::")[0] for id in ids))
        ids.sort(key=lambda test: files.index(test.partition("::")[0]))
        items[:] = [found[id] for id in ids if id in found]


def pytest_runtest_logstart(nodeid: str) -> None:
    _file().with_suffix(".running").write_text(nodeid, encoding="utf-8")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed[report.nodeid] = None


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # a worker of xdist: its controller gets the same reports
        write()


def forget() -> None:
    """Start with nothing, in a process that is a fork of another."""
    _seconds.clear()
    _failed.clear()


def failed() -> bool:
    """Whether a test failed."""
    return bool(_failed)


def write() -> None:
    """Write the file."""
    _file().write_text(json.dumps({"seconds": _seconds, "failed": list(_failed)}), encoding="utf-8")


def _file() -> Path:
    return Path(os.environ["MUTANTS_OUTCOMES"])
