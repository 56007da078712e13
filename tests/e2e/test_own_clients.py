"""The clients that `api-base openapi python` and `api-base openapi typescript` write, compiled strictly and used in their own languages."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.e2e.conftest import Project
from tests.e2e.generated_clients import done
from tests.e2e.processes import UNLIMITED, Backend, one_sentence, run, serving
from tests.node import install_packages, npm, run_node

HERE: Final = Path(__file__).parent / "own_clients"


def expected(sku: str) -> dict[str, Any]:
    """What both programs see."""
    return {
        "created": sku,
        "replayed": [True, True],
        "conflict": "conflict",
        "changed": "Stool",
        "stale": 412,
        "pointers": ["/body/sku"],
        "known": True,
        "paged": [f"{sku}-{number}" for number in range(5)],
        "sparse": ["id", "name"],
    }


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    with serving(project.home, **UNLIMITED) as running:
        yield running.ready()


def written(project: Project, *arguments: str) -> None:
    ended = run(project.home, *arguments)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_a_client_is_written_again_but_never_over_other_files(project: Project, tmp_path: Path) -> None:
    for _ in range(2):
        written(project, "openapi", "typescript", str(tmp_path / "client"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    refused = one_sentence(run(project.home, "openapi", "python", str(tmp_path / "other")))
    assert "has files that this command did not write" in refused
    assert [one.name for one in (tmp_path / "other").iterdir()] == ["notes.txt"]


@pytest.mark.slow
def test_python(project: Project, backend: Backend, tmp_path: Path) -> None:
    sku = uuid4().hex[:12]
    written(project, "openapi", "python", str(tmp_path / "client"), "--package", "shop_client")
    shutil.copy(HERE / "program.py", tmp_path / "client")
    done(sys.executable, "-m", "mypy", "--strict", "program.py", "shop_client", cwd=tmp_path / "client")
    url = f"http://127.0.0.1:{backend.port}"
    seen = json.loads(done(sys.executable, "program.py", url, project.email, project.password, sku, cwd=tmp_path / "client"))
    assert seen.pop("asyncio") == {
        "conflict": "conflict",
        "found": ["Table"] * 5,
        "paged": [f"{sku}-{number}" for number in reversed(range(5))],
    }
    assert seen == expected(sku)


@pytest.mark.slow
def test_typescript(project: Project, backend: Backend, tmp_path: Path) -> None:
    sku = uuid4().hex[:12]
    written(project, "openapi", "typescript", str(tmp_path / "client"), "--package", "shop-client")
    install_packages(tmp_path / "client")
    npm(tmp_path / "client", "run", "build", "--silent")
    program = tmp_path / "program"
    (program / "node_modules").mkdir(parents=True)
    (program / "node_modules/shop-client").symlink_to(tmp_path / "client")
    (program / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "program.ts", program)
    shutil.copy(HERE / "tsconfig.json", program)
    checked = run_node(program, str(tmp_path / "client/node_modules/typescript/bin/tsc"), "-p", ".")
    assert checked.returncode == 0, checked.stdout
    assert retried(program) == {
        "keyed": [201, 3, 1],
        "conflict": ["conflict", 1, 1],
        "unkeyed": ["internal", 1, 1],
        "unkeyedBroken": ["Unanswered", 1, 1],
        "refusedBefore": [201, 2, 1],
        "read": ["Unanswered", 4, 1],
        "unavailable": ["unavailable", 1, 1],
        "page": ["Unanswered", 1, 1],
        "late": ["unavailable", 1, 1],
        "dots": ["Error", 0, 0],
        "repeated": ["Unanswered", 2, 1],
        "once": ["unavailable", 1, 1],
        "tooLong": ["unavailable", 1, 1],
        "aborted": ["enough", True],
    }
    seen = run_node(program, "program.js", f"http://127.0.0.1:{backend.port}", project.email, project.password, sku)
    assert seen.returncode == 0, seen.stderr
    assert json.loads(seen.stdout) == expected(sku) | {"unknown": "function", "named": True}


def retried(program: Path) -> Any:
    """The outcome of each call, how often it was sent, and with how many keys."""
    shutil.copy(HERE / "retries.mjs", program)
    seen = run_node(program, "retries.mjs")
    assert seen.returncode == 0, seen.stderr
    return json.loads(seen.stdout)
