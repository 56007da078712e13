"""Uploads by npm's `tus-js-client`, which we did not write, in each of its protocols: `make upload-client`. It needs Node and npm."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.test_uploads import MIB, UPLOADS, backend_of, digest, downloaded, text

HERE = Path(__file__).parent / "upload_client"
LENGTH = 11 * MIB + 7


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The installed client, and a file to upload."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("package.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    subprocess.run(["npm", "install", "--no-package-lock", "--ignore-scripts", "--silent"], cwd=folder, check=True)
    (folder / "a.txt").write_bytes(b"".join(text(LENGTH)))
    yield folder


@pytest.mark.parametrize("protocol", ["tus-v1", "ietf-draft-03", "ietf-draft-05"])
def test_the_client_uploads_breaks_off_and_resumes(project: Project, client: Path, protocol: str) -> None:
    with backend_of(project) as (backend, token):
        url = f"http://127.0.0.1:{backend.port}{UPLOADS}"
        ran = subprocess.run(
            ["node", "client.mjs", url, token, protocol, "a.txt"], cwd=client, capture_output=True, text=True, timeout=120, check=False
        )
        assert ran.returncode == 0, ran.stderr + backend.output
        said = json.loads(ran.stdout)
        assert said["resumed"] is True
        assert downloaded(backend, token, said["url"]) == digest(LENGTH)
