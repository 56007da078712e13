"""`CONTEXTS_DISABLED=items`: every command and document agrees that there are no items, and they come back with their rows."""

import json
import re
from typing import Any
from urllib.request import urlopen

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, one_sentence, rows, run, serving

WITHOUT = {"CONTEXTS_DISABLED": "items"}
CHAIR = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}


def tools(backend: Backend, token: str) -> set[str]:
    """The names of the tools that an MCP client finds."""
    status, token_of = backend.request(
        "POST", "/api/v1/auth/mcp-tokens", {"name": "e2e", "scope": "write", "expires_in": 3600}, token=token
    )
    assert status == 201, token_of
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    status, _, answer = backend.exchange("POST", "/mcp", call, token_of["access_token"], headers)
    assert status == 200, answer
    return {tool["name"] for tool in answer["result"]["tools"]}


def names_items(text: str) -> list[str]:
    return re.findall(r"\b(?:items_\d{3}|/items\b|Item\b|items\.\w+)", text)


@pytest.fixture(scope="module")
def item(project: Project) -> str:
    """The id of an item that was made while the context was there."""
    with serving(project.home, "--no-worker") as backend:
        status, made = backend.ready().request("POST", "/api/v1/items", CHAIR, token=project.log_in(backend))
        assert status == 201, made
        id: str = made["id"]
        return id


@pytest.mark.slow
def test_commands_agree(project: Project, item: str) -> None:
    diagnosed = run(project.home, "doctor", **WITHOUT)
    assert diagnosed.returncode == 0, diagnosed.stdout
    assert "CONTEXTS_DISABLED=('items',)" in diagnosed.stdout
    assert f"ok    wiring: {len(BUILT_IN) - 1} contexts fit together; left out: items\n" in diagnosed.stdout
    status = run(project.home, "migrate", "status", **WITHOUT)
    assert (status.returncode, names_items(status.stdout)) == (0, [])
    assert run(project.home, "migrate", "up", **WITHOUT).stdout == "Nothing to do.\n"


@pytest.mark.slow
def test_checks_and_imports_agree(project: Project, item: str) -> None:
    assert run(project.home, "check", **WITHOUT).stdout == f"The wiring of {len(BUILT_IN) - 1} contexts is sound.\n"
    assert one_sentence(run(project.home, "migrate", "down", "items", **WITHOUT)).startswith(
        "api-base: This application has no context 'items' with revisions. Choose from audit, auth, base, "
    )
    refused = run(project.home, "import", "items", "x.csv", "--tenant", "demo", "--as", project.email, **WITHOUT)
    assert one_sentence(refused) == "api-base: 'items' cannot be imported. Choose from members.\n"


@pytest.mark.slow
def test_documents_agree(project: Project) -> None:
    document = json.loads(run(project.home, "openapi", **WITHOUT).stdout)
    assert [path for path in document["paths"] if "/items" in path] == []
    assert [name for name in document["components"]["schemas"] if name.startswith("Item")] == []
    assert "items" not in [tag["name"] for tag in document["tags"]]
    schema = run(project.home, "graphql", **WITHOUT)
    assert (schema.returncode, re.findall(r"^type Item\b|^  items\(|createItem", schema.stdout, re.MULTILINE)) == (0, [])


@pytest.mark.slow
def test_the_server_agrees_and_items_come_back(project: Project, item: str) -> None:
    with serving(project.home, **WITHOUT) as backend:
        token = project.log_in(backend.ready())
        assert backend.request("GET", "/api/v1/items", token=token)[0] == 404
        assert backend.request("GET", "/events/items.created.v1.json")[0] == 404
        assert backend.request("GET", "/api/v1/search?q=chair", token=token)[1]["items"] == []
        assert backend.request("GET", "/api/v1/search?q=chair&index=items", token=token)[0] == 422
        with urlopen(f"http://127.0.0.1:{backend.port}/docs") as page:
            assert page.status == 200
        found = tools(backend, token)
        assert "list_members" in found
        assert not {name for name in found if "item" in name}
        assert graphql(backend, token, '{ __type(name: "Item") { name } }') == {"__type": None}
        assert rows(project.home, "select count(*) from items") == [["1"]]
    with serving(project.home, "--no-worker") as backend:
        token = project.log_in(backend.ready())
        assert backend.request("GET", f"/api/v1/items/{item}", token=token)[1]["sku"] == "CHAIR-1"
    assert f"{len(BUILT_IN)} contexts fit together\n" in run(project.home, "doctor").stdout


def graphql(backend: Backend, token: str, query: str) -> Any:
    status, answer = backend.request("POST", "/graphql", {"query": query}, token=token)
    assert status == 200, answer
    return answer["data"]


@pytest.mark.slow
def test_a_first_run_without_items_and_their_later_addition(home: Any) -> None:
    with serving(home, "--no-worker", **WITHOUT) as backend:
        backend.ready()
        assert "/api/v1/tenants -H" in backend.output
        assert "/api/v1/items" not in backend.output
        assert rows(home, "select to_regclass('items')") == [["None"]]
    assert run(home, "migrate", "status", **WITHOUT).returncode == 0
    assert run(home, "migrate", "up").stdout.splitlines() == ["items_001", "items_002", "items_003"]
    assert run(home, "migrate", "status", **WITHOUT).returncode == 0


@pytest.mark.parametrize("command", [["check"], ["worker"], ["migrate", "up"], ["doctor"]], ids=" ".join)
def test_what_others_need_is_refused_by_every_command(project: Project, command: list[str]) -> None:
    done = run(project.home, *command, CONTEXTS_DISABLED="tenants,flags")
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            "api-base: The configuration is not valid:",
            "  CONTEXTS_DISABLED: 'tenants' cannot be left out: the base finds the caller of each request there, and auth, items and files "
            "require it. Remove it.",
            "  CONTEXTS_DISABLED: 'flags' cannot be left out: ofrep requires it. Remove it, or leave out ofrep as well.",
        ],
    )
