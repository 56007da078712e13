"""Resumable uploads in process, by tus 1.0 and by the IETF draft: what each specification asks for, leases, quotas, expiry."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio

from api_base.application.services.file_upload.outcome import CheckFile
from api_base.domain.files.upload import PART_BYTES
from api_base.domain.files.value_objects import FileState
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.support import act_for

pytestmark = pytest.mark.asyncio(loop_scope="module")
UPLOADS = "/api/v1/files/uploads"
MIB = 1_048_576
MAX = 32 * MIB
QUOTA_BYTES, QUOTA_FILES = 40 * MIB, 12
TYPE = {"Content-Type": "application/offset+octet-stream"}
PARTIAL = {"Content-Type": "application/partial-upload"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    storage = {"url": f"file://{tmp_path_factory.mktemp('storage')}"}
    files = {"max_file_bytes": MAX, "quota_bytes": QUOTA_BYTES, "quota_files": QUOTA_FILES}
    async with running(settings_on(shared_migrated, storage=storage, files=files)) as opened:
        yield opened


class Client:
    """Sends the frames of one protocol."""

    def __init__(self, api: Running, person: Person, **fixed: str) -> None:
        self.api, self.person, self._fixed = api, person, fixed

    async def send(self, method: str, path: str = UPLOADS, content: Any = b"", **fields: Any) -> httpx2.Response:
        named = {name.replace("_", "-"): str(value) for name, value in fields.items()}
        return await self.api.client.request(method, path, content=content, headers={**self.person.headers, **self._fixed, **named})

    async def begun(self, content: bytes = b"", **fields: Any) -> str:
        answer = await self.send("POST", content=content, **fields)
        assert answer.status_code == 201, answer.text
        location: str = answer.headers["location"]
        return location

    async def content(self, path: str) -> bytes:
        answer = await self.send("GET", f"/api/v1/files/{path.rpartition('/')[2]}/content")
        assert answer.status_code == 200, answer.text
        content: bytes = answer.content
        return content

    async def stored(self) -> list[str]:
        return [one.key async for one in self.api.services.ports.storage.list(f"files/{self.person.tenant_id}/")]


@pytest_asyncio.fixture(loop_scope="module")
async def tus(api: Running) -> Client:
    return Client(api, await api.person(), **{"Tus-Resumable": "1.0.0"})


@pytest_asyncio.fixture(loop_scope="module")
async def ietf(api: Running) -> Client:
    return Client(api, await api.person())


def problem(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    return found


async def test_options_tell_the_limits_of_both_protocols_to_anybody(api: Running) -> None:
    answer = await api.client.options(UPLOADS)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(MAX)
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "checksum",
        "expiration",
    }
    assert answer.headers["upload-limit"] == f"max-size={MAX}, max-age=86400"


async def test_tus_creates_continues_and_completes(tus: Client) -> None:
    metadata = f"filename {b64encode('répertoire.txt'.encode()).decode()},filetype {b64encode(b'text/plain').decode()}"
    path = await tus.begun(Upload_Length=6, Upload_Metadata=metadata)
    head = await tus.send("HEAD", path)
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-length"]) == (200, "0", "6")
    assert (head.headers["upload-metadata"], head.headers["cache-control"]) == (metadata, "no-store")
    assert head.headers["tus-resumable"] == "1.0.0"
    first = await tus.send("PATCH", path, b"abc", Upload_Offset=0, **TYPE)
    assert (first.status_code, first.headers["upload-offset"]) == (204, "3")
    assert "upload-expires" in first.headers
    unread = await tus.send("GET", f"/api/v1/files/{path.rpartition('/')[2]}/content")
    assert unread.status_code == 409
    second = await tus.send("PATCH", path, b"def", Upload_Offset=3, **TYPE)
    assert (second.status_code, second.headers["upload-offset"]) == (204, "6")
    assert await tus.content(path) == b"abcdef"
    shown = (await tus.send("GET", f"/api/v1/files/{path.rpartition('/')[2]}")).json()
    assert (shown["name"], shown["media_type"], shown["state"]) == ("répertoire.txt", "text/plain", "ready")
    done = await tus.send("HEAD", path)
    assert (done.status_code, done.headers["upload-offset"]) == (200, "6")
    assert len(await tus.stored()) == 1


async def test_tus_creation_with_upload_deferred_length_and_an_empty_file(tus: Client) -> None:
    whole = await tus.send("POST", content=b"abc", Upload_Length=3, **TYPE)
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, "3")
    assert await tus.content(whole.headers["location"]) == b"abc"
    deferred = await tus.begun(Upload_Defer_Length=1)
    assert (await tus.send("HEAD", deferred)).headers["upload-defer-length"] == "1"
    await tus.send("PATCH", deferred, b"abc", Upload_Offset=0, **TYPE)
    assert (await tus.send("PATCH", deferred, b"d", Upload_Offset=3, Upload_Length=4, **TYPE)).headers["upload-offset"] == "4"
    assert await tus.content(deferred) == b"abcd"
    assert await tus.content(await tus.begun(Upload_Length=0)) == b""


async def test_tus_refuses_what_the_specification_refuses(tus: Client) -> None:
    path = await tus.begun(Upload_Length=6)
    version = await tus.send("HEAD", path, Tus_Resumable="0.2.2")
    assert (version.status_code, version.headers["tus-version"]) == (412, "1.0.0")
    offset = await tus.send("PATCH", path, b"abc", Upload_Offset=1, **TYPE)
    assert (offset.status_code, problem(offset)["expected-offset"]) == (409, 0)
    kind = await tus.send("PATCH", path, b"abc", Upload_Offset=0, Content_Type="text/plain")
    assert (kind.status_code, problem(kind)["title"]) == (415, "The media type is not supported")
    longer = await tus.send("PATCH", path, b"abcdefg", Upload_Offset=0, **TYPE)
    assert (longer.status_code, problem(longer)["title"]) == (400, "A business rule refuses the request")
    large = await tus.send("POST", Upload_Length=MAX + 1)
    assert (large.status_code, problem(large)["status"]) == (413, 413)
    neither = await tus.send("POST")
    assert (neither.status_code, problem(neither)["title"]) == (400, "The request is malformed")
    missing = await tus.send("PATCH", f"{UPLOADS}/{uuid4()}", b"abc", Upload_Offset=0, **TYPE)
    assert (missing.status_code, missing.headers["tus-resumable"]) == (404, "1.0.0")
    named = await tus.send("POST", Upload_Length=1, Upload_Metadata=f"filename {b64encode(b'../passwd').decode()}")
    assert (named.status_code, problem(named)["errors"][0]["code"]) == (422, "path")


async def test_a_wrong_checksum_keeps_nothing_and_a_right_one_everything(tus: Client) -> None:
    content = b"0123456789abcdef" * (PART_BYTES // 8)
    path = await tus.begun(Upload_Length=len(content))
    digest = b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    wrong = await tus.send("PATCH", path, content[:-1] + b"x", Upload_Offset=0, Upload_Checksum=f"sha1 {digest}", **TYPE)
    assert (wrong.status_code, problem(wrong)["status"]) == (460, 460)
    assert (await tus.send("HEAD", path)).headers["upload-offset"] == "0"
    unknown = await tus.send("PATCH", path, content, Upload_Offset=0, Upload_Checksum=f"crc32 {digest}", **TYPE)
    assert unknown.status_code == 400
    right = await tus.send("PATCH", path, content, Upload_Offset=0, Upload_Checksum=f"sha1 {digest}", **TYPE)
    assert (right.status_code, right.headers["upload-offset"]) == (204, str(len(content)))


async def test_tus_termination_leaves_no_object_and_frees_the_quota(tus: Client) -> None:
    for _ in range(QUOTA_FILES + 1):
        path = await tus.begun(Upload_Length=MAX)
        await tus.send("PATCH", path, b"a" * (PART_BYTES + 5), Upload_Offset=0, **TYPE)
        assert len(await tus.stored()) == 1
        assert (await tus.send("DELETE", path)).status_code == 204
        assert (await tus.send("HEAD", path)).status_code == 404
        assert await tus.stored() == []
    unfinished = [one async for one in tus.api.services.ports.storage.unfinished(f"files/{tus.person.tenant_id}/")]
    assert unfinished == []


@pytest.mark.parametrize("version", [None, "5", "6", "8"])
async def test_the_ietf_draft_creates_continues_and_completes(api: Running, version: str | None) -> None:
    client = Client(api, await api.person(), **({} if version is None else {"Upload-Draft-Interop-Version": version}))
    kind = {} if version == "5" else PARTIAL
    begun = await client.send("POST", content=b"abc", Upload_Complete="?0", Content_Disposition='attachment; filename="a.txt"')
    assert (begun.status_code, begun.headers["upload-complete"], begun.headers["upload-offset"]) == (201, "?0", "3")
    assert begun.headers["upload-limit"] == f"max-size={MAX}, max-age=86400"
    assert begun.headers.get("upload-draft-interop-version") == version
    path = begun.headers["location"]
    head = await client.send("HEAD", path)
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-complete"]) == (204, "3", "?0")
    part = await client.send("PATCH", path, b"def", Upload_Offset=3, Upload_Complete="?0", **kind)
    assert (part.status_code, part.headers["upload-offset"], part.headers["upload-complete"]) == (204, "6", "?0")
    last = await client.send("PATCH", path, b"g", Upload_Offset=6, Upload_Complete="?1", **kind)
    assert (last.status_code, last.headers["upload-offset"], last.headers["upload-complete"]) == (204, "7", "?1")
    assert await client.content(path) == b"abcdefg"
    assert (await client.send("HEAD", path)).headers["upload-complete"] == "?1"
    shown = (await client.send("GET", f"/api/v1/files/{path.rpartition('/')[2]}")).json()
    assert shown["name"] == "a.txt"


async def test_the_ietf_draft_uploads_in_one_request_and_ends_an_upload(ietf: Client) -> None:
    whole = await ietf.send("POST", content=b"abc", Upload_Complete="?1")
    assert (whole.status_code, whole.headers["upload-complete"]) == (201, "?1")
    assert await ietf.content(whole.headers["location"]) == b"abc"
    path = await ietf.begun(b"abc", Upload_Complete="?0")
    empty = await ietf.send("PATCH", path, b"", Upload_Offset=3, Upload_Complete="?1", **PARTIAL)
    assert (empty.status_code, empty.headers["upload-complete"]) == (204, "?1")
    assert await ietf.content(path) == b"abc"
    ended = await ietf.begun(b"abc", Upload_Complete="?0")
    assert (await ietf.send("DELETE", ended)).status_code == 204
    assert (await ietf.send("HEAD", ended)).status_code == 404


async def test_the_ietf_draft_refuses_with_its_registered_problems(ietf: Client) -> None:
    registry = "https://iana.org/assignments/http-problem-types#"
    path = await ietf.begun(b"abc", Upload_Complete="?0", Upload_Length=6)
    offset = await ietf.send("PATCH", path, b"d", Upload_Offset=2, Upload_Complete="?0", **PARTIAL)
    assert (offset.status_code, offset.headers["upload-offset"]) == (409, "3")
    found = problem(offset)
    assert (found["type"], found["expected-offset"], found["provided-offset"]) == (f"{registry}mismatching-upload-offset", 3, 2)
    length = await ietf.send("PATCH", path, b"d", Upload_Offset=3, Upload_Complete="?1", **PARTIAL)
    assert (length.status_code, problem(length)["type"]) == (400, f"{registry}inconsistent-upload-length")
    kind = await ietf.send("PATCH", path, b"d", Upload_Offset=3, Upload_Complete="?0")
    assert kind.status_code == 415
    flag = await ietf.send("PATCH", path, b"d", Upload_Offset=3, Upload_Complete="yes", **PARTIAL)
    assert flag.status_code == 400
    assert (await ietf.send("HEAD", path)).headers["upload-offset"] == "3"


async def test_many_small_requests_are_joined_to_parts(tus: Client) -> None:
    """Most of them end inside a part, at no common multiple."""
    content = b"".join(b"%011d\n" % number for number in range(MIB))
    path, offset, step = await tus.begun(Upload_Length=len(content)), 0, 1_700_001
    while offset < len(content):
        answer = await tus.send("PATCH", path, content[offset : offset + step], Upload_Offset=offset, **TYPE)
        offset = int(answer.headers["upload-offset"])
    await completed(tus, path)
    assert hashlib.sha256(await tus.content(path)).digest() == hashlib.sha256(content).digest()
    assert len(await tus.stored()) == 1


async def completed(client: Client, path: str) -> None:
    """Let the job of a large file run, as a worker would."""
    act_for(client.person.tenant_id, client.person.id, permissions=frozenset({"files:create"}))
    checked = await client.api.services.bus.execute(CheckFile(id=UUID(path.rpartition("/")[2])))
    assert checked is not None
    assert checked.state is FileState.READY


async def test_an_empty_upload_that_nothing_was_sent_to_is_an_empty_file(ietf: Client) -> None:
    path = await ietf.begun(Upload_Complete="?0", Upload_Length=0)
    done = await ietf.send("POST", f"/api/v1/files/{path.rpartition('/')[2]}/complete")
    assert (done.status_code, done.json()["state"], done.json()["size"]) == (200, "ready", 0)
    assert await ietf.content(path) == b""
