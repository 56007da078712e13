"""`/ws` by npm's `ws`, which we did not write: `make websocket-client`. It needs the npm registry."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import serving
from tests.e2e.test_websocket import LIMITS, member_token
from tests.node import install, run_node

HERE = Path(__file__).parent / "websocket_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed client."""
    return install(HERE, tmp_path_factory.mktemp("client"))


@pytest.mark.parametrize(("compression", "extensions"), [("plain", ""), ("deflate", "permessage-deflate")])
def test_the_client_receives_the_event_of_its_item(project: Project, client: Path, compression: str, extensions: str) -> None:
    with serving(project.home, **LIMITS) as backend:
        token = member_token(backend.ready(), project)
        url = f"http://127.0.0.1:{backend.port}"
        ran = run_node(client, "client.mjs", url, token, compression)
        assert ran.returncode == 0, ran.stderr + backend.output
        expected = {"name": "items.created.v1", "code": 1000, "recovered": None, "extensions": extensions, "protocol": "api-base.v1"}
        assert json.loads(ran.stdout) == expected
