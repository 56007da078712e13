"""`api-base generate resource --explicit`: messages, handlers and routes in files of their own, for what a tenant or a user owns."""

from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.record import Record, Step
from tests.generated import generate, new_project

FIELDS = ("title:str", "body:text?", "status:open,done", "pinned:bool", "due_on:date?", "budget:money?")
NOTES = Step(command="resource", arguments=("notes", *FIELDS), explicit=True)
FOLDER = "src/shop/notes"
MODULES = ("__init__", "messages", "note", "routes")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return new_project(tmp_path, monkeypatch)


def test_it_has_a_module_for_each_part(project: Path) -> None:
    written = [*(f"{FOLDER}/{module}.py" for module in MODULES), "src/shop/__init__.py", "tests/test_notes.py"]
    made = generate(project, NOTES)
    assert made.context == "notes"
    assert sorted(made.files) == sorted([*written, ".api-base.json"])
    texts = {module: (project / f"{FOLDER}/{module}.py").read_text() for module in MODULES}
    assert "crud" not in "".join(texts.values())
    assert sum(bool(line.strip()) for text in texts.values() for line in text.splitlines()) <= 160
    assert max(len(line) for text in texts.values() for line in text.splitlines()) <= 100
    assert "restore" not in (project / "tests/test_notes.py").read_text()
    assert generate(project, NOTES).files == []


@pytest.mark.parametrize(
    ("field", "created", "patched"),
    [
        ("when:datetime", "when: UtcTime", "when: UtcTime = UNSENT"),
        ("when:datetime?", "when: UtcTime | None = None", "when: UtcTime | None = None"),
        ("price:money", "price: Price", "price: PricePatchBody = UNSENT"),
        ("price:money?", "price: Price | None = None", "price: PricePatchBody | None = None"),
        ("kind:a,b", "kind: NoteKind", "kind: NoteKind = UNSENT"),
        (
            "count:int",
            "count: Annotated[int, Field(ge=-(2**63), lt=2**63)]",
            "count: Annotated[int, Field(ge=-(2**63), lt=2**63)] = UNSENT",
        ),
        ("who:uuid?", "who: UUID | None = None", "who: UUID | None = None"),
    ],
)
def test_bodies_say_what_each_type_accepts(project: Path, field: str, created: str, patched: str) -> None:
    generate(project, Step(command="resource", arguments=("notes", "title:str", field), explicit=True))
    create, _, patch = (project / f"{FOLDER}/routes.py").read_text().partition("class PatchNoteBody")
    assert f"    {created}\n" in create
    assert f"    {patched}\n" in patch


def test_what_a_user_owns_needs_no_role(project: Path) -> None:
    generate(project, Step(command="resource", arguments=("notes", *FIELDS), owner="user", explicit=True))
    messages = (project / f"{FOLDER}/messages.py").read_text()
    assert messages.count("permission = AUTHENTICATED") == 5
    assert "ROLES" not in messages
    assert "request_user" in messages
    assert "permissions=" not in (project / f"{FOLDER}/__init__.py").read_text()


def test_a_resource_may_have_the_name_of_what_is_passed_on(project: Path) -> None:
    generate(project, Step(command="resource", arguments=("ports", "name:str"), explicit=True))
    assert "repository = SqlRepository(ports.database" in (project / "src/shop/ports/messages.py").read_text()


def test_it_is_recorded_for_upgrades(project: Path) -> None:
    generate(project, NOTES)
    record = Record.of(project)
    assert record is not None
    assert record.steps == (NOTES,)
    assert all(record.files[f"{FOLDER}/{module}.py"] == (project / f"{FOLDER}/{module}.py").read_text() for module in MODULES)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            Step(command="resource", arguments=("tags", "name:str"), owner="none", explicit=True),
            "--explicit writes what a tenant or a user owns. Leave --explicit or --owner none out.",
        ),
        (
            Step(command="resource", arguments=("tags", "name:str"), key="slug", explicit=True),
            "--explicit writes no routes by a key. Leave --explicit or --key out.",
        ),
        (
            Step(command="resource", arguments=("tags", "name:str", "schema:str"), explicit=True),
            "'schema' cannot be a field here: bodies of requests have a method of this name. Choose another name.",
        ),
        (
            Step(command="resource", arguments=("updates", "name:str"), explicit=True),
            "Update is the name of a part that the resource is written with. Pass --singular with another name.",
        ),
        (
            Step(command="resource", arguments=("tags", "now:datetime")),
            "'now' cannot be a field: every resource has an attribute of this name. Choose another name.",
        ),
        (
            Step(command="resource", arguments=("tags", "model_config:str")),
            "'model_config' cannot be a field: every resource has an attribute of this name. Choose another name.",
        ),
        (
            Step(command="command", arguments=("notes", "rename_note", "title")),
            "src/shop/notes declares no resource by crud(…), which this is generated for. Write it by hand, beside its messages.",
        ),
        (
            Step(command="resource", arguments=("notes", *FIELDS)),
            "src/shop/notes/note.py exists, and is not what this command writes. Nothing was changed. Edit it, or choose another name.",
        ),
    ],
)
def test_what_it_is_not_for_is_refused(project: Path, step: Step, reason: str) -> None:
    generate(project, NOTES)
    before = (project / "src/shop/__init__.py").read_text()
    with pytest.raises(ConfigurationError) as refused:
        generate(project, step)
    assert str(refused.value) == reason
    assert (project / "src/shop/__init__.py").read_text() == before
