"""Uploads to real server processes: killed in the middle, two at the same time, more than memory holds, and by clients that we did not write."""

import hashlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from benchmarks.storage_sizes import bytes_of
from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, serving, until

pytestmark = pytest.mark.slow

UPLOADS: Final = "/api/v1/files/uploads"
MIB: Final = 1_048_576
SIZE: Final = bytes_of(os.environ.get("UPLOAD_SIZE", "64MiB"))
KILLS: Final = int(os.environ.get("UPLOAD_KILLS", "1"))
"""Uploads that are cut off by a kill of their server."""
UPLOADS_PER_KILL: Final = 20
ALLOWED: Final = {"STORAGE__ALLOWED_TYPES": '["text/plain"]', "SECURITY__ACCESS_TOKEN_SECONDS": "3600"}
TUS: Final = {"Tus-Resumable": "1.0.0"}
TYPE: Final = {"Content-Type": "application/offset+octet-stream"}


def text(size: int) -> Iterator[bytes]:
    """Numbered lines, by the mebibyte."""
    line, number = 16, 0
    while size > 0:
        count = min(MIB, size)
        yield b"".join(b"%015d\n" % n for n in range(number, number + -(-count // line)))[:count]
        number, size = number + MIB // line, size - count


@cache
def whole(size: int) -> bytes:
    """For small texts."""
    return b"".join(text(size))


@cache
def digest(size: int) -> str:
    found = hashlib.sha256()
    for chunk in text(size):
        found.update(chunk)
    return found.hexdigest()


@contextmanager
def backend_of(project: Project, *arguments: str, **variables: str) -> Iterator[tuple[Backend, str]]:
    with serving(project.home, *arguments, **{**UNLIMITED, **ALLOWED, **variables}) as backend:
        backend.ready()
        yield backend, project.log_in(backend)


def ask(backend: Backend, method: str, path: str, token: str, body: Any = None, **fields: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {token}", **TUS, **{name.replace("_", "-"): value for name, value in fields.items()}}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    if method == "GET" and path.endswith("/content"):
        return answer
    answer.read()
    connection.close()
    return answer


def begun(backend: Backend, token: str, length: int) -> str:
    answer = ask(backend, "POST", UPLOADS, token, Upload_Length=str(length))
    assert answer.status == 201
    return answer.headers["Location"]


def offset(backend: Backend, token: str, path: str) -> int:
    return int(ask(backend, "HEAD", path, token).headers["Upload-Offset"])


def patch(backend: Backend, token: str, path: str, start: int, length: int) -> int:
    """Send the bytes from `start` to the end. Wait for the lease of a dead writer. Return the status."""
    content = whole(length)[start:]

    def status() -> int:
        found = ask(backend, "PATCH", path, token, content, Upload_Offset=str(start), **{"Content-Type": TYPE["Content-Type"]}).status
        return 0 if found == 423 else found

    return until(status, "the lease to end")


def downloaded(backend: Backend, token: str, path: str) -> str:
    """The SHA-256 of the file, as soon as it is ready."""
    file = f"/api/v1/files/{path.rpartition('/')[2]}"
    until(lambda: backend.request("GET", file, token=token)[1]["state"] == "ready", "the check")
    answer, found = ask(backend, "GET", f"{file}/content", token), hashlib.sha256()
    assert answer.status == 200
    while chunk := answer.read(MIB):
        found.update(chunk)
    return found.hexdigest()


class Sender(threading.Thread):
    """Begins a PATCH and sends `sent` bytes of it; then it stands still."""

    def __init__(self, backend: Backend, token: str, path: str, length: int, sent: int) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_connection(("127.0.0.1", backend.port), timeout=PATIENCE)
        head = (
            f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
        )
        self._head, self._content = head.encode(), whole(sent)
        self.failed = False

    def run(self) -> None:
        try:
            self._socket.sendall(self._head)
            self._socket.sendall(self._content)
        except OSError:
            self.failed = True

    def leave(self) -> None:
        self._socket.close()


@pytest.mark.timeout(300 + 12 * KILLS)
def test_an_upload_goes_on_bit_by_bit_after_a_kill_in_the_middle_of_a_patch(project: Project) -> None:
    length = 24 * MIB
    with backend_of(project) as (backend, token):
        for _ in range(-(-KILLS // UPLOADS_PER_KILL)):
            paths = [begun(backend, token, length) for _ in range(min(KILLS, UPLOADS_PER_KILL))]
            senders = [Sender(backend, token, path, length, length - 3 * MIB) for path in paths]
            for sender in senders:
                sender.start()
            until(lambda paths=paths: all(offset(backend, token, path) >= 10 * MIB for path in paths), "two parts of each")
            (victim,) = backend.server_processes()
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: backend.server_processes() - {victim}, "a successor")
            until(backend.answers, "an answer")
            print(f"killed {victim} with {len(paths)} uploads")
            for path, sender in zip(paths, senders, strict=True):
                reached = offset(backend, token, path)
                assert 10 * MIB <= reached < length
                assert patch(backend, token, path, reached, length) == 204
                assert downloaded(backend, token, path) == digest(length)
                sender.leave()


def test_of_two_patches_on_two_processes_one_is_refused_and_no_byte_is_lost(project: Project) -> None:
    length = 24 * MIB
    with backend_of(project, "--workers", "2") as (backend, token):
        until(lambda: len(backend.server_processes()) == 2, "two processes")
        path = begun(backend, token, length)
        sender = Sender(backend, token, path, length, 12 * MIB)
        sender.start()
        until(lambda: offset(backend, token, path) >= 5 * MIB, "a part")
        refused = [
            ask(backend, "PATCH", path, token, b"x", Upload_Offset="0", **{"Content-Type": TYPE["Content-Type"]}).status for _ in range(10)
        ]
        assert refused == [423] * 10
        sender.join()
        sender.leave()
        until(lambda: offset(backend, token, path) == 12 * MIB, "what was sent before the client left")
        assert patch(backend, token, path, 12 * MIB, length) == 204
        assert downloaded(backend, token, path) == digest(length)


def memory(pid: int, what: str) -> float:
    """Resident megabytes now (`VmRSS`), or their maximum (`VmHWM`) [proc(5)]."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) / 1024


def send(backend: Backend, method: str, target: str, size: int, status: int, **fields: str) -> str:
    """Stream a text of `size` bytes. Return the location that the answer names."""
    connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
    try:
        connection.request(method, target, text(size), {**fields, "Content-Length": str(size)})
        answer = connection.getresponse()
        assert answer.status == status, answer.read()
        return answer.headers.get("Location", "")
    finally:
        connection.close()


def by_one_request(backend: Backend, token: str, size: int) -> str:
    fields = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
    return send(backend, "POST", f"/api/v1/files?name={size}.txt", size, 201, **fields)


def by_tus(backend: Backend, token: str, size: int) -> str:
    path = begun(backend, token, size)
    send(backend, "PATCH", path, size, 204, Authorization=f"Bearer {token}", **TUS, **TYPE, **{"Upload-Offset": "0"})
    return path


def by_ticket(backend: Backend, token: str, size: int) -> str:
    body = {"name": "a.txt", "content_type": "text/plain", "size": size, "sha256": digest(size)}
    status, ticket = backend.request("POST", "/api/v1/files/tickets", body, token=token)
    assert status == 201
    send(backend, ticket["method"], urlsplit(ticket["url"]).path, size, 200, **ticket["headers"])
    assert backend.request("POST", f"/api/v1/files/{ticket['id']}/complete", token=token)[0] == 200
    id: str = ticket["id"]
    return id


@pytest.mark.timeout(300 + SIZE // MIB)
@pytest.mark.parametrize("upload", [by_one_request, by_tus, by_ticket])
def test_memory_is_flat_whatever_the_size(project: Project, upload: Callable[[Backend, str, int], str]) -> None:
    """One file up and down, then the process must not have held more than 32 MB above what it holds after a small file."""
    with backend_of(project) as (backend, token):
        (server,) = backend.server_processes()
        for size in (MIB, SIZE):
            began = time.monotonic()
            path = upload(backend, token, size)
            sent = time.monotonic()
            assert downloaded(backend, token, path) == digest(size)
            if size == MIB:
                before = memory(server, "VmHWM")
        grown = memory(server, "VmHWM") - before
        print(
            f"{upload.__name__}: {size // MIB} MiB in {sent - began:.1f} s, checked and read in {time.monotonic() - sent:.1f} s, +{grown:.1f} MB"
        )
        assert grown <= 32


def test_tuspy_uploads_breaks_off_and_resumes(project: Project, tmp_path: Path) -> None:
    length, file = 11 * MIB + 7, tmp_path / "a.txt"
    file.write_bytes(b"".join(text(length)))
    with backend_of(project) as (backend, token):
        client = TusClient(f"http://127.0.0.1:{backend.port}{UPLOADS}", headers={"Authorization": f"Bearer {token}"})
        first = client.uploader(
            str(file), chunk_size=4 * MIB, metadata={"filename": "a.txt", "filetype": "text/plain"}, upload_checksum=True
        )
        first.upload(stop_at=4 * MIB)
        second = client.uploader(str(file), chunk_size=3 * MIB, url=first.url)
        assert second.offset == 4 * MIB
        second.upload()
        path = str(first.url).partition(str(backend.port))[2]
        assert downloaded(backend, token, path) == digest(length)
        absent = f"http://127.0.0.1:{backend.port}{UPLOADS}/00000000-0000-7000-8000-000000000000"
        with pytest.raises(TusCommunicationError, match="404"):
            client.uploader(str(file), chunk_size=4 * MIB, url=absent)


def test_a_ticket_stores_at_the_server_what_it_says_and_never_what_is_served(project: Project) -> None:
    length = 6 * MIB
    content = b"".join(text(length))
    with backend_of(project) as (backend, token):
        body = {"name": "a.txt", "content_type": "text/plain", "size": length, "sha256": digest(length)}
        status, ticket = backend.request("POST", "/api/v1/files/tickets", body, token=token)
        assert status == 201

        def put(sent: bytes) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
            connection.request(ticket["method"], urlsplit(ticket["url"]).path, sent, ticket["headers"])
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status

        early = backend.request("POST", f"/api/v1/files/{ticket['id']}/complete", token=token)[0]
        assert (early, put(content), put(b"x" + content[1:])) == (409, 200, 422)
        assert backend.request("POST", f"/api/v1/files/{ticket['id']}/complete", token=token)[0] == 200
        assert downloaded(backend, token, ticket["id"]) == digest(length)
        assert put(content) == 200
        assert downloaded(backend, token, ticket["id"]) == digest(length)


@pytest.mark.timeout(600)
def test_twenty_uploads_at_the_same_time_take_150_mb_at_most(project: Project) -> None:
    size = min(SIZE // 2, 128 * MIB)
    with backend_of(project) as (backend, token):
        (server,) = backend.server_processes()
        paths: list[str] = []

        def upload() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain", "Content-Length": str(size)}
            connection.request("POST", "/api/v1/files?name=a.txt", text(size), headers)
            answer = connection.getresponse()
            answer.read()
            paths.append(answer.headers["Location"])
            connection.close()

        before = memory(server, "VmHWM")
        threads = [threading.Thread(target=upload) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(paths) == 20
        grown = memory(server, "VmHWM") - before
        print(f"20 uploads of {size // MIB} MiB: +{grown:.1f} MB")
        assert grown <= 150
        assert {downloaded(backend, token, path) for path in paths} == {digest(size)}
