"""The commands of docs/generate.md and AGENTS.md, as they are written: what they make is tested, checked and served without an edit."""

import json
import re
from collections.abc import Iterator

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from tests.e2e.conftest import Project as WarmProject
from tests.e2e.conftest import open_folder
from tests.e2e.documentation import AGENTS, GENERATE, blocks, checkout, paste
from tests.e2e.generated_project import Repository
from tests.e2e.processes import serving

pytestmark = pytest.mark.slow

NOTES = "src/shop/notes"
TOPICS = "src/shop/topics"
LINES = 45
"""Of one's own in a resource with six fields: not blank, formatted at 100 columns, without test and migration."""
EXPLICIT_LINES = 160
"""Of the same, written out."""
TWICE = (
    ("resource", "notes", "title:str", "body:text?", "status:open,done", "pinned:bool", "due_on:date?", "budget:money?"),
    ("job", "notes", "close_note", "status", "due_on"),
    ("relation", "notes", "labels", "--to", "labels"),
)


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    with open_folder() as folder:
        checkout(folder)
        (block,) = blocks("sh", GENERATE, "A new project")
        printed = paste(block.commands, folder)
        assert re.match(r"shop depends on the checkout \S+; other machines need it at the same place\.\n", printed), printed
        yield Repository.installed(folder / "shop")


def test_it_is_tested_and_served_as_it_was_written(repository: Repository) -> None:
    assert "2 passed" in repository.run("make", "test")
    assert ".venv/bin/api-base serve" in repository.run("make", "--dry-run", "run")
    with serving(repository.home, "--no-worker", **repository.variables) as backend:
        assert backend.ready().request("GET", "/health/ready")[0] == 200
        paths = backend.request("GET", "/openapi.json")[1]["paths"]
        assert "/api/v2/tenants" in paths
        assert [path for path in paths if "items" in path] == []


def test_a_resource_is_short(repository: Repository) -> None:
    assert "created src/shop/notes/migrations/001_create_notes.py\n" in repository.paste(GENERATE, "A resource")
    assert lines_of(repository, NOTES, "note", "__init__") <= LINES


def lines_of(repository: Repository, folder: str, *modules: str) -> int:
    files = repository.files()
    return sum(bool(line.strip()) for name in modules for line in files[f"{folder}/{name}.py"].splitlines())


def test_a_resource_is_written_out(repository: Repository) -> None:
    assert f"created {TOPICS}/migrations/001_create_topics.py\n" in repository.paste(GENERATE, "A resource, written out")
    assert lines_of(repository, TOPICS, "topic", "messages", "routes", "__init__") <= EXPLICIT_LINES


def test_each_kind_of_code_is_added_to_it(repository: Repository) -> None:
    printed = repository.paste(GENERATE, "A message, a job, a subscription, a relation, a revision")
    assert f"+++ b/{NOTES}/rename_note.py\n" in printed
    assert printed.count(f"created {NOTES}/rename_note.py\n") == 1
    assert printed.endswith("Nothing to do: everything is there.\n")


def test_nothing_is_generated_twice(repository: Repository) -> None:
    written = repository.files()
    for arguments in TWICE:
        assert repository.run(".venv/bin/api-base", "generate", *arguments) == "Nothing to do: everything is there.\n"
    assert repository.files() == written


def test_what_is_generated_needs_no_edit(repository: Repository) -> None:
    assert "31 passed" in repository.run("make", "test")
    assert f"The wiring of {len(BUILT_IN) + 2} contexts is sound.\n" in repository.run("make", "check")


def test_what_is_generated_is_typed_strictly(repository: Repository) -> None:
    assert "0 errors, 0 warnings, 0 informations" in repository.run(".venv/bin/pyright")


def test_an_edited_project_is_upgraded(repository: Repository) -> None:
    """Its older version wrote another README, had no target `format`, and a resource without its last filter."""
    filters = '"budget", "created_at")\nSORTS'
    older = {
        "README.md": ("The API documentation is at", "The documentation is at"),
        "Makefile": ("format: install ## Format the code and sort the imports.\n", "format:\n"),
        f"{NOTES}/note.py": (filters, filters.replace('"budget", ', "")),
    }
    record = json.loads((repository.home / ".api-base.json").read_text())
    commands = ["resource", "resource", "command", "query", "job", "subscriber", "relation", "resource", "query", "relation"]
    assert [step["command"] for step in record["steps"]] == commands
    now = {path: (repository.home / path).read_text() for path in older}
    for path, (text, before) in older.items():
        assert text in now[path]
        assert record["files"][path] == now[path]
        record["files"][path] = now[path].replace(text, before)
        (repository.home / path).write_text(record["files"][path])
    (repository.home / ".api-base.json").write_text(json.dumps(record))
    edited = (repository.home / f"{NOTES}/note.py").read_text().replace("max_length=200", "max_length=80")
    (repository.home / f"{NOTES}/note.py").write_text(edited)
    repository.run("git", "add", "--all")
    repository.run("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--message", "older")
    printed = repository.paste(GENERATE, "A newer version")
    assert printed.endswith(f"changed Makefile\nchanged README.md\nchanged {NOTES}/note.py\nNext: make check, make test, git diff\n")
    for path, text in now.items():
        assert (repository.home / path).read_text() == text.replace("max_length=200", "max_length=80")
    assert "Nothing to do: version" in repository.run(".venv/bin/api-base", "upgrade")
    assert "31 passed" in repository.run("make", "test")


def test_the_commands_for_agents(project: WarmProject) -> None:
    if not (project.home / ".venv").exists():
        checkout(project.home)
    printed = paste("".join(block.commands for block in blocks("sh", AGENTS, "Commands")), project.home)
    assert f"The wiring of {len(BUILT_IN)} contexts is sound.\n" in printed
    assert "created src/my_shop/notes/note.py\n" in printed
    assert printed.endswith("Nothing to do: the database has the tables and indexes that items declares.\n")
