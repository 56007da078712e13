"""What `api-base openapi diff` calls breaking, against the judgement of oasdiff 1.37, which somebody else wrote."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from api_base.interface.openapi.compatibility import changes
from benchmarks.websocket_load import GO
from tests.e2e.documentation import ROOT
from tests.services import absent
from tests.unit.test_openapi_diff import BREAKING, COMPATIBLE, DOCUMENT, mutated

pytestmark = pytest.mark.slow

MODULE: Final = "github.com/oasdiff/oasdiff@v1.37.0"
WARNING: Final = 2
"""The level from which it is a breaking change for oasdiff, if perhaps not for all clients."""
OURS_ALONE: Final = {
    "an operation is renamed": "clients of generators name their methods by it",
    "a member of a response is removed": "a client that reads an optional member no longer finds it",
    "a response loses a header": "oasdiff compares no headers of responses but new ones",
}
THEIRS_ALONE: Final = {
    "a member of a body takes more": "oasdiff compares the names of types, and a number takes every integer",
}
"""Where the two differ, and why ours is right."""


@pytest.fixture(scope="module")
def oasdiff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    go = str(GO) if GO.exists() else shutil.which("go")
    if go is None:
        absent("Go is not installed. Install it, or run `make services`, which brings its own.")
    folder = tmp_path_factory.mktemp("oasdiff")
    subprocess.run([go, "install", MODULE], env={**os.environ, "GOBIN": str(folder)}, check=True, capture_output=True, timeout=250)
    yield folder / "oasdiff"
    shutil.rmtree(folder)


def judged(oasdiff: Path, folder: Path, now: Any, before: Any = DOCUMENT) -> list[str]:
    """Return the kinds of the breaking changes that oasdiff finds."""
    for name, document in (("before", before), ("now", now)):
        (folder / f"{name}.json").write_text(json.dumps(document))
    command = [str(oasdiff), "breaking", "--format", "json", str(folder / "before.json"), str(folder / "now.json")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [one["id"] for one in json.loads(done.stdout or "[]") if one["level"] >= WARNING]


def test_both_call_the_same_changes_breaking(oasdiff: Path, tmp_path: Path) -> None:
    found = {name: bool(judged(oasdiff, tmp_path, mutated(mutation))) for name, (mutation, _) in {**BREAKING, **COMPATIBLE}.items()}
    assert {name for name in BREAKING if not found[name]} == OURS_ALONE.keys()
    assert {name for name in COMPATIBLE if found[name]} == THEIRS_ALONE.keys()


def test_both_find_nothing_in_the_kept_document_against_itself(oasdiff: Path, tmp_path: Path) -> None:
    document = json.loads((ROOT / "docs/openapi/v1.json").read_text(encoding="utf-8"))
    assert (judged(oasdiff, tmp_path, document, document), changes(document, document)) == ([], [])
