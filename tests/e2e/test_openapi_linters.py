"""The OpenAPI document by linters that we did not write, without an error or a warning: that of the base, and those of the examples."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import run
from tests.services import absent

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "openapi_linters"
EXAMPLES = Path(__file__).parents[2] / "examples"
CONTEXTS = {"base": "", "help_desk": "help_desk:CONTEXTS", "invoices": "invoices:INVOICES"}


@pytest.fixture(scope="module")
def linters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed linters and their rules."""
    if shutil.which("npm") is None:
        absent("Node and npm are not installed. Install them, for example with: apt install nodejs npm")
    folder = tmp_path_factory.mktemp("linters")
    for name in ("package.json", ".spectral.yaml", "redocly.yaml"):
        shutil.copy(HERE / name, folder)
    subprocess.run(
        ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True
    )
    return folder


@pytest.fixture(scope="module", params=CONTEXTS)
def document(request: pytest.FixtureRequest, linters: Path) -> str:
    """The name of a file in the folder of the linters."""
    return written(linters, request.param)


def written(linters: Path, name: str) -> str:
    variables = {"CONTEXTS": CONTEXTS[name], "PYTHONPATH": os.pathsep.join(str(one / "src") for one in EXAMPLES.iterdir())}
    done = run(linters, "openapi", **(variables if CONTEXTS[name] else {}))
    assert done.returncode == 0, done.stderr
    (linters / f"{name}.json").write_text(done.stdout)
    return f"{name}.json"


def test_spectral_finds_nothing(linters: Path, document: str) -> None:
    assert printed(linters, "spectral", "lint", "--format", "json", "--quiet", document) == []


def test_redocly_finds_nothing(linters: Path, document: str) -> None:
    found = printed(linters, "redocly", "lint", "--format", "json", "--config", "redocly.yaml", document)
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


def printed(linters: Path, program: str, *arguments: str) -> Any:
    """What the program prints as JSON."""
    variables = {**os.environ, "SCARF_ANALYTICS": "false", "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    command = [linters / "node_modules/.bin" / program, *arguments]
    done = subprocess.run(command, cwd=linters, env=variables, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
