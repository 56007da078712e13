"""Uploads by npm's `tus-js-client`, which we did not write, in each of its protocols: `make upload-client`. It needs the npm registry."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.test_uploads import MIB, UPLOADS, backend_of, digest, downloaded, text
from tests.node import install, run_node

HERE = Path(__file__).parent / "upload_client"
LENGTH = 11 * MIB + 7


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The installed client, and a file to upload."""
    folder = install(HERE, tmp_path_factory.mktemp("client"))
    (folder / "a.txt").write_bytes(b"".join(text(LENGTH)))
    yield folder


@pytest.mark.parametrize("protocol", ["tus-v1", "ietf-draft-03", "ietf-draft-05"])
def test_the_client_uploads_breaks_off_and_resumes(project: Project, client: Path, protocol: str) -> None:
    with backend_of(project) as (backend, token):
        url = f"http://127.0.0.1:{backend.port}{UPLOADS}"
        ran = run_node(client, "client.mjs", url, token, protocol, "a.txt")
        assert ran.returncode == 0, ran.stderr + backend.output
        said = json.loads(ran.stdout)
        assert said["resumed"] is True
        assert downloaded(backend, token, said["url"]) == digest(LENGTH)
