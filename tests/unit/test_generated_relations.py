"""`api-base generate relation`: pairs of a resource and users, added to the context of the resource."""

from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.record import Record, Step
from tests.generated import generate, new_project

NOTES = Step(command="resource", arguments=("notes", "title:str"))
VOTES = Step(command="relation", arguments=("notes", "votes"))
FOLDER = "src/shop/notes"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = new_project(tmp_path, monkeypatch)
    generate(home, NOTES)
    return home


def test_table_handlers_and_routes_are_added_to_the_context(project: Path) -> None:
    assert generate(project, VOTES).context == "notes"
    context = (project / f"{FOLDER}/__init__.py").read_text()
    assert "tables=(VOTES,)" in context
    for message in ("PutVote", "DropVote", "HasVote"):
        assert f"on({message}, {message}Handler(ports))" in context
    routes = (project / f"{FOLDER}/routes.py").read_text()
    for method in ("put", "delete", "get"):
        assert f'@router.{method}("/{{id}}/votes/me"' in routes
    assert 'relation_table("note_votes", {"note_id": NOTES.table, "user_id": None})' in (project / f"{FOLDER}/votes.py").read_text()


def test_a_second_run_changes_nothing_and_needs_no_revision(project: Path) -> None:
    generate(project, VOTES)
    before = {path: path.read_text() for path in project.rglob("*.py")}
    assert generate(project, VOTES).context is None
    assert {path: path.read_text() for path in project.rglob("*.py")} == before


def test_it_is_recorded_for_upgrades(project: Path) -> None:
    generate(project, VOTES)
    record = Record.of(project)
    assert record is not None
    assert record.steps == (NOTES, VOTES)
    assert record.files[f"{FOLDER}/votes.py"] == (project / f"{FOLDER}/votes.py").read_text()


def refusal(home: Path, *arguments: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        generate(home, Step(command="relation", arguments=arguments))
    return str(refused.value)


def test_what_has_no_tenant_or_cannot_be_restored_is_refused(project: Path) -> None:
    generate(project, Step(command="resource", arguments=("diaries", "title:str"), owner="user"))
    assert refusal(project, "diaries", "votes") == "Relations are within a tenant, and a Diary has no tenant_id. Write it by hand."
    file = project / f"{FOLDER}/note.py"
    file.write_text(file.read_text().replace("RestorableResource", "Resource"))
    assert refusal(project, "notes", "votes") == "Relations are generated for what can be restored, and a Note cannot. Write it by hand."


def test_the_name_is_a_plural(project: Path) -> None:
    assert refusal(project, "notes", "vote") == "'vote' is no regular plural. Write the plural, as in notes."
