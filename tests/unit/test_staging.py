"""The generator changes a copy first: what differs is shown or written, what cannot be written changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.declaration import declared_resource
from api_base.generating.field_types import TYPES, fields_of
from api_base.generating.message import add_command, add_job, add_query
from api_base.generating.names import resource_name
from api_base.generating.owner import Owner
from api_base.generating.resource import add_resource
from api_base.generating.staging import Staging, apply, staged
from api_base.generating.syntax_tree import appended

SHOP = '"""Shop."""\n\nCONTEXTS = ()\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src/shop").mkdir(parents=True)
    (tmp_path / "src/shop/__init__.py").write_text(SHOP)
    (tmp_path / ".env").write_text("CONTEXTS=shop:CONTEXTS\n")
    (tmp_path / "pyproject.toml").write_text('[tool.ruff]\nline-length = 100\n[tool.ruff.lint.isort]\nknown-first-party = ["shop"]\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def staging(project: Path) -> Iterator[Staging]:
    with staged(project) as found:
        yield found


def notes(staging: Staging, *fields: str, owner: Owner = Owner.TENANT) -> bool:
    return add_resource(staging, resource_name("notes"), fields_of(fields or ("title:str",), "Note"), owner)


def refusal(action: object, *arguments: object) -> str:
    assert callable(action)
    with pytest.raises(ConfigurationError) as refused:
        action(*arguments)
    return str(refused.value)


def test_a_folder_that_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as refused, staged(tmp_path):
        pass
    assert str(refused.value) == (
        f"{tmp_path} is no project to add code to: its .env names no CONTEXTS=package:CONTEXTS whose package is in src. "
        "Run this in the folder of a project that api-base new wrote."
    )


def test_changes_are_shown_as_a_diff_and_written(project: Path, staging: Staging) -> None:
    staging.edit("src/shop/__init__.py", appended("CONTEXTS", "A"))
    staging.write_new("src/shop/a.py", "A  =  1")
    first, second = staging.changes()
    assert (
        first.diff
        == '--- a/src/shop/__init__.py\n+++ b/src/shop/__init__.py\n@@ -1,3 +1,3 @@\n """Shop."""\n \n-CONTEXTS = ()\n+CONTEXTS = (A,)\n'
    )
    assert second.diff == "--- /dev/null\n+++ b/src/shop/a.py\n@@ -0,0 +1 @@\n+A = 1\n"
    assert (project / "src/shop/__init__.py").read_text() == SHOP
    apply(project, [first, second])
    assert (project / "src/shop/__init__.py").read_text() == '"""Shop."""\n\nCONTEXTS = (A,)\n'
    assert sorted(path.name for path in (project / "src/shop").iterdir()) == ["__init__.py", "a.py"]
    assert staging.changes() == []


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(project: Path, staging: Staging) -> None:
    staging.write_new("src/shop/a.py", "A = 1")
    staging.edit("src/shop/__init__.py", appended("CONTEXTS", "A"))
    changes = staging.changes()
    (project / "src/shop/__init__.py").write_text("CONTEXTS = (B,)\n")
    assert refusal(apply, project, changes) == ("src/shop/__init__.py was changed meanwhile. Nothing was written. Run the command again.")
    assert (project / "src/shop/__init__.py").read_text() == "CONTEXTS = (B,)\n"
    assert [path.name for path in (project / "src/shop").iterdir()] == ["__init__.py"]


def test_a_file_that_exists_is_never_replaced(project: Path, staging: Staging) -> None:
    assert refusal(staging.write_new, "src/shop/__init__.py", "CONTEXTS = (1,)\n") == (
        "src/shop/__init__.py exists, and is not what this command writes. Nothing was changed. Edit it, or choose another name."
    )
    staging.write_new("src/shop/__init__.py", SHOP)
    assert staging.changes() == []


def test_a_file_that_cannot_be_read_as_python_is_named_with_its_line(project: Path, staging: Staging) -> None:
    (staging.folder / "src/shop/__init__.py").write_text("CONTEXTS = (\n\nx = = 1\n")
    sentence = refusal(staging.edit, "src/shop/__init__.py", appended("CONTEXTS", "A"))
    assert sentence.startswith("src/shop/__init__.py:")
    assert sentence.endswith("Correct it first.")


def test_an_edit_without_a_place_is_refused_with_the_file(project: Path, staging: Staging) -> None:
    (staging.folder / "src/shop/__init__.py").write_text("CONTEXTS = make()\n")
    assert refusal(staging.edit, "src/shop/__init__.py", appended("CONTEXTS", "A")) == (
        "src/shop/__init__.py: CONTEXTS is no tuple or list as it is written, so nothing can be added to it. Write CONTEXTS = (…)."
    )


def test_a_resource_needs_its_revision_until_it_has_one(project: Path, staging: Staging) -> None:
    assert notes(staging)
    assert {change.path for change in staging.changes()} == {
        "src/shop/__init__.py",
        "src/shop/notes/__init__.py",
        "src/shop/notes/note.py",
        "tests/test_notes.py",
    }
    (staging.folder / "src/shop/notes/migrations").mkdir()
    before = staging.changes()
    assert not notes(staging)
    assert staging.changes() == before


def test_another_resource_of_the_name_is_refused(project: Path, staging: Staging) -> None:
    notes(staging)
    assert refusal(notes, staging, "name:str") == (
        "src/shop/notes/note.py exists, and is not what this command writes. Nothing was changed. Edit it, or choose another name."
    )
    (staging.folder / "src/shop/notes/note.py").unlink()
    assert refusal(notes, staging) == "src/shop/notes exists and is no resource. Nothing was changed. Choose another name."


def test_an_empty_resource_is_refused(project: Path, staging: Staging) -> None:
    assert refusal(notes, staging, "a:str?", "b:int?") == ("Every field of Note may be null, so a note may be empty. Remove one of the ?.")


@pytest.mark.parametrize("owner", Owner)
def test_a_resource_is_read_back(owner: Owner, project: Path, staging: Staging) -> None:
    written = [f"{kind}_{number}:{kind}{mark}" for kind in TYPES for number, mark in enumerate(("", "?"))]
    notes(staging, *written, "status:open,done", owner=owner)
    found = declared_resource(staging, "notes")
    assert (found.constant, found.cls, found.dto, found.module, found.owner) == ("NOTES", "Note", "NoteDTO", "shop.notes.note", owner)
    fields = found.fields([one.partition(":")[0] for one in written] + ["status"])
    plain = ["str", "str", "int", "bool", "date", "datetime", "UUID", "Money"]
    assert [one.annotation for one in fields] == [one for name in plain for one in (name, name)] + ["NoteStatus"]
    assert [one.nullable for one in fields] == [False, True] * len(TYPES) + [False]
    assert (fields[-1].sent, fields[-1].changed) == ('"open"', '"done"')


def test_messages_are_added_once(project: Path, staging: Staging) -> None:
    notes(staging, "title:str", "status:open,done", "price:money?")
    for _ in range(2):
        add_command(staging, "notes", "rename_note", ["title", "price"])
        add_query(staging, "notes", "by_status", ["status"])
        add_job(staging, "notes", "close_note", ["status"])
    context, routes = ("".join(staging.read(f"src/shop/notes/{name}.py").split()) for name in ("__init__", "routes"))
    assert [context.count(f"on({cls},") for cls in ("RenameNote", "ByStatus", "CloseNote", "RequestCloseNote")] == [1] * 4
    assert context.count('Job(name="notes.close_note",message=CloseNote)') == 1
    assert [routes.count(f"asyncdef{name}(") for name in ("rename_note", "by_status", "close_note")] == [1] * 3


def test_messages_that_cannot_be_generated(project: Path, staging: Staging) -> None:
    assert refusal(add_command, staging, "notes", "rename_note", ["title"]) == (
        "src/shop/notes declares no resource by crud(…). Run: api-base generate resource notes FIELD:TYPE…"
    )
    notes(staging, "title:str", "price:money", "at:date?")
    assert refusal(add_command, staging, "notes", "rename_note", ["name"]) == (
        "Note has no field 'name'. Name fields of it: title, price, at."
    )
    assert refusal(add_command, staging, "notes", "rename_note", []) == "Name at least one field of Note: title, price, at."
    assert refusal(add_command, staging, "notes", "RenameNote", ["title"]).startswith("'RenameNote' cannot be the name of a command.")
    for field in ("price", "at"):
        assert refusal(add_query, staging, "notes", "by_it", [field]) == (
            f"The field {field!r} of Note may be null, or is money: a query compares others. Write it by hand."
        )


def test_messages_on_what_is_everybodys_are_refused(project: Path, staging: Staging) -> None:
    notes(staging, owner=Owner.NONE)
    for action in (add_command, add_job):
        assert refusal(action, staging, "notes", "rename_note", ["title"]) == (
            "Commands are generated for what tenants or users own; a Note is everybody's, and administrators of the platform change it. "
            "Write it by hand."
        )
    assert refusal(add_query, staging, "notes", "by_title", ["title"]) == (
        "Queries are generated for what tenants own, and a Note has no tenant_id. Write it by hand."
    )


def test_files_that_stay_may_have_any_encoding(project: Path) -> None:
    """A module may declare its encoding [PEP 263]; a link may lead nowhere."""
    (project / "src/shop/old.py").write_bytes(b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\n")
    (project / "src/shop/image.bin").write_bytes(b"\xff\x00")
    (project / "src/shop/gone.py").symlink_to("nowhere.py")
    with staged(project) as staging:
        notes(staging)
        apply(project, staging.changes())
    assert (project / "src/shop/notes/note.py").exists()
    assert (project / "src/shop/old.py").read_bytes().endswith(b"caf\xe9'\n")


def test_a_file_that_is_to_be_changed_is_text(project: Path) -> None:
    content = b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\nCONTEXTS = ()\n"
    (project / "src/shop/__init__.py").write_bytes(content)
    with staged(project) as staging, pytest.raises(ConfigurationError) as refused:
        notes(staging)
    assert str(refused.value) == "src/shop/__init__.py is no text in UTF-8. Nothing was changed. Convert it, and run the command again."
    assert (project / "src/shop/__init__.py").read_bytes() == content
