"""The dashboard of Grafana and the alerts of Prometheus in `deploy/`: valid, tried, and of figures that a running system shows."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests import services
from tests.e2e.conftest import Project
from tests.e2e.processes import free_port, serving, until

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "api-base.json").read_text(encoding="utf-8"))
RULES = DEPLOY / "prometheus" / "rules.yml"
TESTED = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]}
WORDS = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b(?!\s*\()")
"""Names of metrics in an expression: no function and no label has an underscore where these appear."""
FUNCTIONS = frozenset({"histogram_quantile"})


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for rule in ALERTS.values():
        yield rule["expr"]


def used() -> set[str]:
    return {word for expression in expressions() for word in WORDS.findall(expression)} - FUNCTIONS


def shown(port: int) -> set[str]:
    """The names of metrics, as their samples have them."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    kinds = [line.split()[2:4] for line in lines if line.startswith("# TYPE")]
    return {f"{name}_bucket" if kind == "histogram" else name for name, kind in kinds}


@pytest.mark.slow
def test_a_running_system_shows_every_figure(project: Project) -> None:
    port = free_port()
    with serving(project.home, OBSERVABILITY__METRICS_PORT=str(port)) as backend:
        backend.ready()
        until(lambda: "jobs_waiting" in shown(port), "the figures of the worker")
        assert used() - shown(port) == set()


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("promtool"):
        services.absent("promtool of Debian's prometheus is not installed (`make services`)")
    return subprocess.run(["promtool", *arguments], cwd=RULES.parent, text=True, capture_output=True, check=False)


@pytest.mark.slow
def test_every_alert_fires_and_recovers() -> None:
    done = promtool("test", "rules", "rules_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    stages = {test["name"]: [bool(one["exp_alerts"]) for one in test["alert_rule_test"]] for test in TESTED}
    assert stages == {name: [False, True, False] for name in ALERTS}


def test_prometheus_accepts_the_rules_and_each_says_what_to_do() -> None:
    done = promtool("check", "rules", RULES.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: sorted(rule["annotations"]) for name, rule in ALERTS.items()} == {name: ["action", "summary"] for name in ALERTS}


def test_the_panels_of_the_dashboard_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [(x, y) for p in panels for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"]) for y in _rows(p["gridPos"])]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("panel", [p for p in DASHBOARD["panels"] if p["type"] != "row"], ids=lambda panel: str(panel["title"]))
def test_every_panel_reads_the_chosen_source(panel: dict[str, Any]) -> None:
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def _rows(place: dict[str, int]) -> range:
    return range(place["y"], place["y"] + place["h"])
