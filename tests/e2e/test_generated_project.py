"""A project that `api-base new` wrote: its commands work, and still do after five things were generated into it, without an edit."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import open_folder
from tests.e2e.processes import Backend, environment, free_port, until
from tests.isolation import start

pytestmark = pytest.mark.slow

FIELDS = ("title:str", "body:text?", "status:open,done", "pinned:bool", "due_on:date?", "budget:money?")
GENERATED = (
    ("resource", "notes", *FIELDS),
    ("command", "notes", "rename_note", "title", "budget"),
    ("query", "notes", "notes_by_status", "status"),
    ("job", "notes", "finish_note", "status", "due_on"),
    ("subscriber", "notes", "users.registered.v1"),
)
LINES = 45
"""Of one's own in a resource with six fields: not blank, formatted at 100 columns, without test and migration."""


@dataclass(frozen=True, slots=True)
class Project:
    """The repository. Its environment is the present one, so that nothing is installed: `UV=true` does what `uv sync` would."""

    home: Path

    @property
    def variables(self) -> dict[str, str]:
        plain = {name: value for name, value in environment().items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
        return plain | {
            "UV": "true",
            "PYTHONPATH": str(self.home / "src"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p asyncio",
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.home, env=self.variables, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def generate(self, *arguments: str) -> str:
        return self.run(".venv/bin/api-base", "generate", *arguments)

    def files(self) -> dict[str, str]:
        """The text of all files that belong to the repository."""
        found = [path for top in ("src", "tests") for path in (self.home / top).rglob("*") if path.suffix in (".py", ".typed")]
        return {str(path.relative_to(self.home)): path.read_text() for path in found}

    def lines(self, path: str) -> int:
        return len([line for line in (self.home / path).read_text().splitlines() if line.strip()])


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with open_folder() as folder:
        done = subprocess.run([sys.executable, "-m", "api_base.cli", "new", "shop"], cwd=folder, text=True, capture_output=True, check=True)
        assert re.match(r"shop depends on the checkout \S+; other machines need it at the same place\.\n", done.stdout), done.stdout
        (folder / "shop/.venv").symlink_to(sys.prefix)
        yield Project(folder / "shop")


def test_it_is_tested_and_served_as_it_was_written(project: Project) -> None:
    assert "2 passed" in project.run("make", "test")
    port, log = free_port(), project.home / "output"
    with log.open("wb") as output:
        variables = project.variables | {"SERVER__PORT": str(port)}
        process = start(["make", "run"], cwd=project.home, env=variables, stdout=output)
        backend = Backend(project.home, port, process, log)
        try:
            assert backend.ready().request("GET", "/health/ready")[0] == 200
            paths = backend.request("GET", "/openapi.json")[1]["paths"]
            assert [path for path in paths if "items" in path] == []
        finally:
            family = backend.family()
            os.kill(next(pid for pid in family if pid != process.pid), signal.SIGTERM) if len(family) > 1 else process.terminate()
            process.wait()
            until(lambda: not (project.home / ".api-base/postgres/data/postmaster.pid").exists(), "the end of PostgreSQL")


def test_what_is_generated_needs_no_edit_and_is_not_generated_twice(project: Project) -> None:
    before = project.files()
    shown = project.generate(*GENERATED[0], "--dry-run")
    assert "+++ b/src/shop/notes/migrations/001_create_notes.py" in shown
    assert project.files() == before
    for arguments in GENERATED:
        project.generate(*arguments)
    written = project.files()
    for arguments in GENERATED:
        assert project.generate(*arguments) == "Nothing to do: everything is there.\n"
    assert project.files() == written
    assert project.lines("src/shop/notes/note.py") + project.lines("src/shop/notes/__init__.py") <= LINES + 33
    assert "15 passed" in project.run("make", "test")
    assert "The wiring of 10 contexts is sound." in project.run("make", "check")
    assert "notes_001" in project.run(".venv/bin/api-base", "migrate", "up")
    assert project.generate("migration", "notes") == "Nothing to do: everything is there.\n"
