"""Collections for Postman and Bruno: each operation once, and first steps that build on each other. `make collections` runs them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api_base.cli.commands import app
from api_base.interface.openapi.bruno import bruno_collection
from api_base.interface.openapi.collections import FIRST_STEPS, METHODS
from api_base.interface.openapi.postman import postman_collection
from tests.architecture.routes import DOCUMENTS

URL = "https://api.example.com"
type Json = dict[str, Any]


def folders(version: int) -> dict[str, list[Json]]:
    return {one["name"]: one["item"] for one in postman_collection(DOCUMENTS[version], URL)["item"]}


@pytest.mark.parametrize("version", DOCUMENTS)
def test_each_operation_is_one_request(version: int) -> None:
    operations = [(method.upper(), path) for path, item in DOCUMENTS[version]["paths"].items() for method in item if method in METHODS]
    sent = [one["request"] for name, items in folders(version).items() if name != FIRST_STEPS for one in items]
    shown = [
        (one["method"], "/" + "/".join(f"{{{part[1:]}}}" if part.startswith(":") else part for part in one["url"]["path"])) for one in sent
    ]
    assert sorted(shown) == sorted(operations)
    files = bruno_collection(DOCUMENTS[version], URL)
    assert len([path for path in files if path.endswith(".bru") and not path.startswith(("environments/", FIRST_STEPS))]) == len(operations)


@pytest.mark.parametrize("version", DOCUMENTS)
def test_the_first_steps_log_in_with_what_they_registered(version: int) -> None:
    register, login, profile, create, listed = folders(version)[FIRST_STEPS]
    assert json.loads(register["request"]["body"]["raw"])["email"] == json.loads(login["request"]["body"]["raw"])["email"] == "{{email}}"
    assert [one["listen"] for one in register["event"]] == ["prerequest", "test"]
    assert 'set("token", pm.response.json().access_token)' in login["event"][-1]["script"]["exec"][-1]
    assert [one["request"].get("auth") for one in (register, login)] == [{"type": "noauth"}] * 2
    assert [one["request"].get("auth") for one in (profile, create, listed)] == [None] * 3
    assert [one["request"]["url"]["raw"] for one in (create, listed)] == [f"{{{{baseUrl}}}}/api/v{version}/items"] * 2


def test_what_must_be_sent_is_sent() -> None:
    update = next(one for one in folders(2)["items"] if one["name"] == "Change an item")
    assert {one["key"]: (one["value"], one["disabled"]) for one in update["request"]["header"]} == {
        "If-Match": ("*", False),
        "Idempotency-Key": ("", True),
        "Content-Type": ("application/json", False),
    }
    token = next(one for one in folders(2)["auth"] if one["name"] == "Log in with the OAuth2 password grant")
    assert {one["key"] for one in token["request"]["body"]["urlencoded"]} == {"grant_type", "username", "password"}


def test_a_file_of_bruno_is_as_its_language_says() -> None:
    files = bruno_collection(DOCUMENTS[2], URL)
    assert files["environments/local.bru"].splitlines()[:2] == ["vars {", f"  baseUrl: {URL}"]
    update = next(text for path, text in files.items() if path.endswith("Change an item.bru") and path.startswith("items/"))
    assert update == (
        "meta {\n  name: Change an item\n  type: http\n  seq: 4\n}\n\n"
        "patch {\n  url: {{baseUrl}}/api/v2/items/:id\n  body: json\n  auth: bearer\n}\n\n"
        "params:path {\n  id: \n}\n\n"
        "headers {\n  If-Match: *\n  ~Idempotency-Key: \n  Content-Type: application/json\n}\n\n"
        "auth:bearer {\n  token: {{token}}\n}\n\n"
        'body:json {\n  {\n    "name": "Armchair"\n  }\n}\n'
    )


def test_names_are_of_files_on_any_system() -> None:
    for path in bruno_collection(DOCUMENTS[2], URL):
        assert not set('<>:"\\|?*') & set(path)
        assert path.count("/") <= 1


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    done = CliRunner().invoke(app, ["openapi", "bruno", str(tmp_path)])
    assert done.exit_code == 1
    assert str(done.exception) == f"{tmp_path} is not an empty folder. Name another one, or remove what it has."
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]
