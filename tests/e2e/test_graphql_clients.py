"""GraphQL by clients that we did not write, on a real server: the audits of npm's graphql-http, @urql/core, @apollo/client, graphql-ws, graphql-sse, GraphiQL."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, serving
from tests.node import install, run_node
from tests.services import absent

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "graphql_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed packages and the programs that use them."""
    return install(HERE, tmp_path_factory.mktemp("graphql-client"))


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    with serving(project.home, **UNLIMITED) as running:
        yield running.ready()


def printed(client: Path, backend: Backend, *arguments: str) -> Any:
    done = run_node(client, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_audit_of_graphql_over_http_passes(project: Project, client: Path, backend: Backend) -> None:
    seen = printed(client, backend, "audit.mjs", f"http://127.0.0.1:{backend.port}/graphql", project.log_in(backend))
    assert seen["failed"] == []
    assert seen["audits"] > 60


def test_foreign_clients_list_create_conflict_and_stream(project: Project, client: Path, backend: Backend) -> None:
    seen = printed(client, backend, "client.mjs", f"http://127.0.0.1:{backend.port}", project.email, project.password)
    assert seen == {
        "error": None,
        "created": "Chair",
        "duplicate": "CONFLICT",
        "changed": 2,
        "stale": "STALE_VERSION",
        "listed": ["Armchair"],
        "socket": [["Armchair"]],
        "acknowledged": 1,
        "events": [["Armchair"]],
    }


def test_apollo_client_lists_creates_conflicts_and_subscribes(project: Project, client: Path, backend: Backend) -> None:
    seen = printed(client, backend, "apollo.mjs", f"http://127.0.0.1:{backend.port}", project.email, project.password)
    assert seen == {
        "created": "Chair",
        "duplicate": "CONFLICT",
        "listed": [["Item", "Chair"]],
        "first": "Chair",
        "last": "Armchair",
        "version": 2,
        "stale": "STALE_VERSION",
        "cached": "Armchair",
    }


def test_graphiql_starts_in_a_browser_under_its_policy(backend: Backend, tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        absent("Chromium is not installed. Install it, for example with: apt install chromium")
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--enable-logging=stderr"]
    page = f"http://127.0.0.1:{backend.port}/docs/graphiql"
    done = subprocess.run(
        [*browser, "--virtual-time-budget=10000", "--dump-dom", page], capture_output=True, text=True, timeout=120, check=False
    )
    assert 'class="graphiql-container"' in done.stdout, done.stderr
    assert "Error fetching schema" not in done.stdout
    assert "CONSOLE" not in done.stderr


CHANGED = """
subscription($id: ID!) { itemChanged(id: $id) { position recovered event { name } item { name version } } }
"""


async def said(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), PATIENCE))


async def test_a_subscription_shows_the_changed_item_and_ends_with_the_session(project: Project, backend: Backend) -> None:
    token = project.log_in(backend)

    def request(method: str, path: str, body: Any = None, if_match: str | None = None) -> Any:
        status, answer = backend.request(method, path, body, token, if_match)
        assert status < 300, answer
        return answer

    item = request("POST", "/api/v1/items", {"sku": "subscribed", "name": "Chair", "category": "furniture"})["id"]
    found = request("POST", "/graphql", {"query": '{ items(filter: {sku: {eq: "subscribed"}}) { nodes { id uuid } } }'})
    (node,) = found["data"]["items"]["nodes"]
    assert node["uuid"] == item
    async with connect(f"ws://127.0.0.1:{backend.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as client:
        await client.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        assert await said(client) == {"type": "connection_ack"}
        await client.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CHANGED, "variables": {"id": node["id"]}}}))
        first = (await said(client))["payload"]["data"]["itemChanged"]
        assert (first["recovered"], first["event"], first["item"]["name"]) == (None, None, "Chair")
        request("PATCH", f"/api/v1/items/{item}", {"name": "Armchair"}, "*")
        names = []
        while "items.changed.v1" not in names:
            changed = (await said(client))["payload"]["data"]["itemChanged"]
            names.append(changed["event"]["name"])
        assert changed["item"] == {"name": "Armchair", "version": 2}
        request("POST", "/api/v1/auth/logout", {})
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                await asyncio.wait_for(client.recv(), PATIENCE)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 4403
