"""The clients that are written from documents: those of this API, and of one whose names no language likes."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest

from api_base.core.errors import ConfigurationError
from api_base.generating.clients.document import kinds, operations
from api_base.generating.clients.python import MEMBERS, python_client
from api_base.generating.clients.runtime.sending import AsyncioClient, SyncClient
from api_base.generating.clients.typescript import typescript_client
from api_base.interface.openapi.version_3_2 import upgrade

RELEASED: Final = Path(__file__).parents[2] / "docs/openapi"
NAMES: Final = {
    "type": "object",
    "properties": {"price.amount": {"type": "string"}, "class": {"$ref": "#/components/schemas/shop.Item-Input"}},
}
STRANGE: Final[dict[str, Any]] = {
    "openapi": "3.1.0",
    "info": {"title": '"Strange" \\ API', "version": "1.0"},
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "operationId": "import",
                "tags": ["token"],
                "summary": 'Say """hello""" \\',
                "parameters": [
                    {"name": "id", "in": "query", "schema": {"type": "integer"}},
                    {"name": "from", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "body", "in": "query", "schema": {"type": ["string", "null"]}},
                    {"name": "X-1", "in": "header", "schema": {"type": "string"}},
                    {"$ref": "#/components/parameters/Page"},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": NAMES}}}},
            },
            "put": {
                "operationId": "put-thing.now",
                "tags": ["a b/c"],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/3D"}}}},
                "responses": {"204": {"description": "Done"}},
            },
            "delete": {"operationId": "délete", "responses": {"default": {"description": "Done"}}},
        },
        "/stream": {"get": {"operationId": "stream", "responses": {"200": {"content": {"text/event-stream": {}}}}}},
    },
    "components": {
        "parameters": {"Page": {"name": "$page", "in": "query", "schema": {"enum": ["it's", 1, None, True]}}},
        "schemas": {
            "shop.Item-Input": NAMES,
            "3D": {"type": "object", "properties": {"__x": {"type": "number"}}, "description": 'Ends in """ and \\.'},
            "Tree": {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}, {"type": "boolean"}]},
            "None": {"const": "no"},
            "Free": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Tree"}},
        },
    },
}


def written(files: Any, folder: Path) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def documents() -> list[Any]:
    found = [pytest.param(json.loads(path.read_text("utf-8")), id=path.stem) for path in sorted(RELEASED.glob("v*.json"))]
    return [*found, pytest.param(STRANGE, id="strange"), pytest.param({**STRANGE, "paths": {}, "components": {}}, id="empty")]


@pytest.mark.parametrize("released", sorted(RELEASED.glob("v*.json")), ids=lambda path: path.stem)
def test_the_document_of_openapi_3_2_has_the_same_client(released: Path) -> None:
    document = json.loads(released.read_text("utf-8"))
    newer = deepcopy(document)
    upgrade(newer)
    assert newer["openapi"] == "3.2.0"
    assert python_client(newer, "shop") == python_client(document, "shop")


@pytest.mark.parametrize("document", documents())
def test_the_package_for_python_imports_with_its_types(document: dict[str, Any], tmp_path: Path) -> None:
    folder = written(python_client(document, "shop"), tmp_path)
    program = "import inspect, typing, shop, shop.client, shop.models\nshop.Client('http://x.test'); shop.AsyncClient('http://x.test')\n"
    program += "[typing.get_type_hints(one, vars(shop.models)) for one in vars(shop.models).values() if inspect.isclass(one)]"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "shop/py.typed").exists()


def test_the_strange_package_has_strict_types(tmp_path: Path) -> None:
    folder = written(python_client(STRANGE, "shop"), tmp_path)
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "shop"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_names_are_those_that_python_can_have() -> None:
    text = python_client(STRANGE, "shop")["shop/client.py"]
    assert "def import_(self, id: str, *, id_query: int | None = None, from_: list[str] | None = None, body_query" in text
    assert 'places={"id": id}, query={"id": id_query, "from": from_, "body": body_query, "$page": page}' in text
    assert "def token_(self) -> TokenOperations:" in text
    assert "def put_thing_now(self, id: str, body: models._3D | None = None) -> Answer[None]:" in text


def test_what_is_described_where_it_is_used_has_a_name_and_members_of_its_own() -> None:
    files = python_client(json.loads((RELEASED / "v2.json").read_text("utf-8")), "shop")
    assert (
        "def query_items(self, body: models.QueryItemsContent) -> Answer[models.ItemPage | models.SparseItemPage]:"
        in files["shop/client.py"]
    )
    assert 'QueryItemsContent = TypedDict("QueryItemsContent", {' in files["shop/models.py"]
    assert "status: str | Mapping[Literal[" in files["shop/client.py"]


def test_a_deprecated_operation_says_so() -> None:
    text = python_client(json.loads((RELEASED / "v1.json").read_text("utf-8")), "shop")["shop/client.py"]
    assert '"""Create an item: POST /api/v1/items. Deprecated."""' in text


def test_a_group_never_has_the_name_of_what_a_client_has() -> None:
    own = {name for kind in (SyncClient, AsyncioClient) for name in dir(kind) if not name.startswith("_")} | {"token"}
    assert own == MEMBERS


def test_the_operations_of_this_api_are_all_there_but_streams_and_uploads() -> None:
    document = json.loads((RELEASED / "v2.json").read_text("utf-8"))
    declared = {
        one["operationId"] for item in document["paths"].values() for one in item.values() if isinstance(one, dict) and "operationId" in one
    }
    uploads = {"begin_upload", "continue_upload", "end_upload", "upload_offset", "upload_limits"}
    assert {one.name for one in operations(document)} == declared - uploads - {"stream_events"}
    assert {"conflict", "quota-exceeded", "stale-version"} <= set(kinds(document))


def test_the_key_is_sent_where_the_document_takes_one() -> None:
    files = typescript_client(json.loads((RELEASED / "v2.json").read_text("utf-8")), "@shop/client")
    assert '"POST /api/v2/items"' in files["src/operations.ts"]
    assert '"DELETE /api/v2/items/{id}"' not in files["src/operations.ts"]
    assert '"POST /api/v2/auth/token": "application/x-www-form-urlencoded"' in files["src/operations.ts"]
    assert json.loads(files["package.json"])["name"] == "@shop/client"


@pytest.mark.parametrize("name", ["", "Shop", "shop-client", "1shop", "shop client", "../shop"])
def test_what_is_no_name_for_a_package_of_python_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name for a package"):
        python_client(STRANGE, name)


@pytest.mark.parametrize("name", ["", "Shop", "shop client", "../shop", "@shop", '"'])
def test_what_is_no_name_for_a_package_of_npm_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name for a package"):
        typescript_client(STRANGE, name)


def test_two_operations_of_one_name_are_refused() -> None:
    twice = {"operationId": "read", "responses": {}}
    with pytest.raises(ConfigurationError, match="Two operations are named read: GET /a and GET /b"):
        operations({"paths": {"/a": {"get": twice}, "/b": {"get": twice}}})
