"""A pytest plugin: writes which tests were collected, how long each took and which failed, as JSON, to the file that `MUTANTS_OUTCOMES` names."""

import json
import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}
_failed: set[str] = set()
_collected: list[str] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    _collected.extend(item.nodeid for item in session.items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # a worker of xdist: its controller gets the same reports
        content = {"collected": _collected, "seconds": _seconds, "failed": sorted(_failed)}
        Path(os.environ["MUTANTS_OUTCOMES"]).write_text(json.dumps(content), encoding="utf-8")
