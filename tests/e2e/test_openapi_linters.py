"""The OpenAPI document by programs that we did not write: linters find neither an error nor a warning, in that of the base and those of the examples;
a generated client compiles strictly and works. `make generators` does this with the other generators."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Project
from tests.e2e.generated_clients import compiled, expected, generate, seen_by
from tests.e2e.processes import run, serving
from tests.node import install, run_node

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "openapi_linters"
EXAMPLES = Path(__file__).parents[2] / "examples"
CONTEXTS = {"base": "", "help_desk": "help_desk:CONTEXTS", "invoices": "invoices:INVOICES"}


@pytest.fixture(scope="module")
def linters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed linters and their rules."""
    return install(HERE, tmp_path_factory.mktemp("linters"))


@pytest.fixture(scope="module", params=[*((name, 2) for name in CONTEXTS), ("base", 1)], ids=lambda one: f"{one[0]}-v{one[1]}")
def document(request: pytest.FixtureRequest, linters: Path) -> str:
    """The name of a file in the folder of the linters."""
    return written(linters, *request.param)


def written(linters: Path, name: str, version: int = 2) -> str:
    variables = {"CONTEXTS": CONTEXTS[name], "PYTHONPATH": os.pathsep.join(str(one / "src") for one in EXAMPLES.iterdir())}
    done = run(linters, "openapi", "--version", str(version), **(variables if CONTEXTS[name] else {}))
    assert done.returncode == 0, done.stderr
    (linters / f"{name}.json").write_text(done.stdout)
    return f"{name}.json"


def test_spectral_finds_nothing(linters: Path, document: str) -> None:
    assert printed(linters, "spectral", "lint", "--format", "json", "--quiet", document) == []


def test_redocly_finds_nothing(linters: Path, document: str) -> None:
    found = printed(linters, "redocly", "lint", "--format", "json", "--config", "redocly.yaml", document)
    assert [f"{one['ruleId']}: {one['message']}" for one in found["problems"]] == []


def test_redocly_finds_nothing_in_openapi_3_2(linters: Path) -> None:
    done = run(linters, "openapi", SERVER__OPENAPI_VERSION="3.2")
    assert json.loads(done.stdout)["openapi"] == "3.2.0", done.stderr
    (linters / "newest.json").write_text(done.stdout)
    found = printed(linters, "redocly", "lint", "--format", "json", "--config", "redocly.yaml", "newest.json")
    assert [f"{one['ruleId']}: {one['message']}" for one in found["problems"]] == []


def test_a_mistake_is_found(linters: Path) -> None:
    broken = json.loads((linters / written(linters, "base")).read_text())
    del broken["info"]["contact"]
    broken["paths"]["/broken"] = {"get": {"responses": {"200": {"description": "x"}}}}
    (linters / "broken.json").write_text(json.dumps(broken))
    codes = {one["code"] for one in printed(linters, "spectral", "lint", "--format", "json", "broken.json")}
    assert codes >= {"info-contact", "operation-operationId"}
    found = printed(linters, "redocly", "lint", "--format", "json", "--config", "redocly.yaml", "broken.json")["problems"]
    assert "operation-operationId" in {one["ruleId"] for one in found}


def test_a_generated_client_logs_in_creates_conflicts_and_lists(project: Project, linters: Path) -> None:
    (linters / "openapi.json").write_text((linters / written(linters, "base")).read_text())
    name, sku = "openapi_typescript", "GENERATED"
    generate(linters, name)
    program = compiled(linters, name)
    with serving(project.home, "--no-worker") as backend:
        seen = seen_by(linters, program, backend.ready(), project, sku)
    assert seen == expected(sku)


def printed(linters: Path, program: str, *arguments: str) -> Any:
    """What the program prints as JSON."""
    quiet = {"SCARF_ANALYTICS": "false", "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = run_node(linters, f"node_modules/.bin/{program}", *arguments, **quiet)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
