"""`api-base generate relation`: pairs of a resource and users, or of two resources, added to the context of the first."""

from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.record import Record, Step
from tests.generated import generate, new_project

NOTES = Step(command="resource", arguments=("notes", "title:str"))
VOTES = Step(command="relation", arguments=("notes", "votes"))
TAGS = Step(command="relation", arguments=("notes", "tags", "tags"))
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


@pytest.fixture
def tagged(project: Path) -> Path:
    generate(project, Step(command="resource", arguments=("tags", "name:str")))
    generate(project, TAGS)
    return project


def test_two_resources_have_a_table_of_pairs_in_the_first_context(tagged: Path) -> None:
    context = (tagged / f"{FOLDER}/__init__.py").read_text()
    assert "tables=(NOTE_TAGS,)" in context
    assert 'requires=("tags",)' in context
    for message in ("ListNoteTags", "PutNoteTag", "DropNoteTag"):
        assert f"on({message}, {message}Handler(ports))" in context
    routes = (tagged / f"{FOLDER}/routes.py").read_text()
    for route in ('get("/{id}/tags"', 'put("/{id}/tags/{tag_id}"', 'delete("/{id}/tags/{tag_id}"'):
        assert f"@router.{route}" in routes
    assert '{"note_id": NOTES.table, "tag_id": TAGS.table}' in (tagged / f"{FOLDER}/tags.py").read_text()


def test_a_second_run_between_resources_changes_nothing(tagged: Path) -> None:
    before = {path: path.read_text() for path in tagged.rglob("*.py")}
    assert generate(tagged, TAGS).context is None
    assert {path: path.read_text() for path in tagged.rglob("*.py")} == before
    record = Record.of(tagged)
    assert record is not None
    assert record.steps[-1] == TAGS


def test_the_end_has_the_name_of_the_relation(tagged: Path) -> None:
    generate(tagged, Step(command="relation", arguments=("notes", "topics", "tags")))
    assert '{"note_id": NOTES.table, "topic_id": TAGS.table}' in (tagged / f"{FOLDER}/topics.py").read_text()
    assert '@router.put("/{id}/topics/{topic_id}"' in (tagged / f"{FOLDER}/routes.py").read_text()


def test_the_other_end_is_named_and_is_another(project: Path) -> None:
    generate(project, Step(command="resource", arguments=("tags", "name:str")))
    assert refusal(project, "notes", "tags") == (
        "tags is a context. Pass --to tags for pairs of its resources, or choose another name for a relation with users."
    )
    assert refusal(project, "notes", "siblings", "notes") == (
        "Relations of notes with themselves are not generated. Write it by hand, by relation_table."
    )
    assert refusal(project, "notes", "labels", "labels") == (
        "src/shop/labels declares no resource by crud(…). Run: api-base generate resource labels FIELD:TYPE…"
    )
    generate(project, Step(command="resource", arguments=("diaries", "title:str"), owner="user"))
    assert (
        refusal(project, "notes", "diaries", "diaries") == "Relations are within a tenant, and a Diary has no tenant_id. Write it by hand."
    )
