"""A request that begins an upload with bytes, and breaks off before their end: by the IETF draft it goes on, by tus nothing is left."""

import socket
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, Backend, until
from tests.e2e.test_uploads import UPLOADS, ask, backend_of

pytestmark = pytest.mark.slow

CONTENT: Final = b"Four legs and a back"
ARRIVED: Final = 9
INTEROP: Final = "Upload-Draft-Interop-Version: 6"


@pytest.fixture
def served(project: Project) -> Iterator[tuple[Backend, str]]:
    with backend_of(project) as running:
        yield running


def send(backend: Backend, token: str, *fields: str) -> socket.socket:
    """Begin an upload and send its first bytes."""
    head = [f"POST {UPLOADS} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", f"Content-Length: {len(CONTENT)}", *fields]
    connection = socket.create_connection(("127.0.0.1", backend.port), timeout=PATIENCE)
    connection.sendall("\r\n".join([*head, "", ""]).encode() + CONTENT[:ARRIVED])
    return connection


def head_of(connection: socket.socket) -> tuple[str, dict[str, str]]:
    """The status line and the fields of the next response."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, f"the server closed the connection after {received!r}"
        received += byte
    line, *fields = received.decode().strip().split("\r\n")
    return line, {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}


def pending(backend: Backend, token: str) -> int:
    status, listed = backend.request("GET", "/api/v1/files?state=pending", token=token)
    assert status == 200
    return len(listed["items"])


def test_a_client_of_the_draft_learns_the_location_first_and_goes_on(served: tuple[Backend, str]) -> None:
    backend, token = served
    with send(backend, token, "Upload-Complete: ?1", INTEROP) as connection:
        line, fields = head_of(connection)
    assert line == "HTTP/1.1 104 Upload Resumption Supported"
    assert (fields["upload-draft-interop-version"], fields["upload-limit"].startswith("max-size=")) == ("6", True)
    path = fields["location"]
    until(lambda: ask(backend, "HEAD", path, token).headers["upload-offset"] == str(ARRIVED), "the bytes that arrived")
    rest = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(ARRIVED)}
    assert ask(backend, "PATCH", path, token, CONTENT[ARRIVED:], **rest).status == 204
    assert ask(backend, "GET", f"/api/v1/files/{path.rpartition('/')[2]}/content", token).read() == CONTENT


def test_the_final_response_follows_on_the_same_connection(served: tuple[Backend, str]) -> None:
    backend, token = served
    with send(backend, token, "Upload-Complete: ?1", INTEROP) as connection:
        informed = head_of(connection)
        connection.sendall(CONTENT[ARRIVED:])
        line, fields = head_of(connection)
    assert (informed[0].split()[1], line.split()[1]) == ("104", "201")
    assert fields["location"] == informed[1]["location"]


def test_a_creation_by_tus_that_breaks_off_leaves_nothing(served: tuple[Backend, str]) -> None:
    backend, token = served
    fields = ("Tus-Resumable: 1.0.0", f"Upload-Length: {len(CONTENT)}", "Content-Type: application/offset+octet-stream")
    with send(backend, token, *fields):
        until(lambda: pending(backend, token) == 1, "an upload")
    until(lambda: pending(backend, token) == 0, "no upload")
