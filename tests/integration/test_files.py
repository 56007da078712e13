"""Files over HTTP in process: upload, read, ranges, names, deletion, attachments; and that another tenant's files answer as random ids."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    storage = {"url": f"file://{tmp_path_factory.mktemp('storage')}"}
    async with running(settings_on(shared_migrated, storage=storage)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def person(api: Running) -> Person:
    return await api.person()


async def upload(api: Running, person: Person, content: bytes, name: str = "a.txt", content_type: str = "text/plain") -> dict[str, Any]:
    headers = {**person.headers, "Content-Type": content_type}
    answer = await api.client.post("/api/v1/files", params={"name": name}, content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/files/{shown['id']}"
    return shown


async def read(api: Running, person: Person, id: str, **headers: str) -> httpx2.Response:
    return await api.client.get(f"/api/v1/files/{id}/content", headers={**person.headers, **headers})


async def stored(api: Running, person: Person) -> list[str]:
    """The keys of the tenant's objects."""
    return sorted([one.key async for one in api.services.ports.storage.list(f"files/{person.tenant_id}/")])


async def test_an_uploaded_file_is_read_bit_by_bit(api: Running, person: Person) -> None:
    content = b"Four legs and a back"
    shown = await upload(api, person, content, "chair.txt")
    assert (shown["state"], shown["size"], shown["name"]) == ("ready", len(content), "chair.txt")
    assert shown["sha256"] == hashlib.sha256(content).hexdigest()
    answer = await read(api, person, shown["id"])
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-disposition"] == 'attachment; filename="chair.txt"'
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{shown["sha256"]}"'


async def test_an_empty_file_is_a_file(api: Running, person: Person) -> None:
    shown = await upload(api, person, b"")
    answer = await read(api, person, shown["id"])
    assert (shown["size"], answer.status_code, answer.content) == (0, 200, b"")


@pytest.mark.parametrize(
    ("asked", "found", "described"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("Bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes= , 2-3 ,", b"23", "bytes 2-3/10"),
    ],
)
async def test_a_range_is_read(api: Running, person: Person, asked: str, found: bytes, described: str) -> None:
    shown = await upload(api, person, b"0123456789")
    answer = await read(api, person, shown["id"], Range=asked)
    assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, found, described)


async def test_conditions_of_downloads(api: Running, person: Person) -> None:
    shown = await upload(api, person, b"0123456789")
    tag = f'"{shown["sha256"]}"'
    outside = await read(api, person, shown["id"], Range="bytes=10-")
    assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */10")
    assert outside.json()["type"] == "/problems/range-not-satisfiable"
    known = await read(api, person, shown["id"], **{"If-None-Match": tag})
    assert (known.status_code, known.content) == (304, b"")
    several = await read(api, person, shown["id"], Range="bytes=0-1,3-4")
    assert (several.status_code, several.content) == (200, b"0123456789")
    other = await read(api, person, shown["id"], Range="bytes=0-1", **{"If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, b"0123456789")
    head = await api.client.head(f"/api/v1/files/{shown['id']}/content", headers=person.headers)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")


@pytest.mark.parametrize("asked", ["bytes=-0", "bytes=10-", "bytes=10-20", "bytes=999999999999999999-"])
async def test_a_range_outside_is_refused(api: Running, person: Person, asked: str) -> None:
    shown = await upload(api, person, b"0123456789")
    answer = await read(api, person, shown["id"], Range=asked)
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=3-2",
        "bytes=-",
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=0x1-2",
        "items=0-1",
        "bytes=0-1,3-4",
        "bytes=--1",
    ],
)
async def test_a_range_that_is_none_is_ignored(api: Running, person: Person, asked: str) -> None:
    shown = await upload(api, person, b"0123456789")
    answer = await read(api, person, shown["id"], Range=asked)
    assert (answer.status_code, answer.content) == (200, b"0123456789")


async def test_a_range_of_an_empty_file(api: Running, person: Person) -> None:
    shown = await upload(api, person, b"")
    found = [(await read(api, person, shown["id"], Range=asked)).status_code for asked in ("bytes=0-", "bytes=-5", "bytes=-0")]
    assert found == [416, 200, 416]


async def test_a_range_of_head_is_ignored(api: Running, person: Person) -> None:
    shown = await upload(api, person, b"0123456789")
    head = await api.client.head(f"/api/v1/files/{shown['id']}/content", headers={**person.headers, "Range": "bytes=0-1"})
    assert (head.status_code, head.headers["content-length"]) == (200, "10")


async def test_a_download_of_another_content_is_refused(api: Running, person: Person) -> None:
    shown = await upload(api, person, b"0123456789")
    tag = f'"{shown["sha256"]}"'
    for asked, expected in [(tag, 206), ("*", 206), (f'"a", {tag}', 206), ('"a"', 412), (f"W/{tag}", 412), ("a", 400)]:
        answer = await read(api, person, shown["id"], Range="bytes=0-1", **{"If-Match": asked})
        assert (asked, answer.status_code) == (asked, expected)
    weak = await read(api, person, shown["id"], Range="bytes=0-1", **{"If-Range": f"W/{tag}"})
    strong = await read(api, person, shown["id"], Range="bytes=0-1", **{"If-Range": tag})
    assert (weak.status_code, strong.status_code) == (200, 206)


async def test_a_name_with_a_path_is_refused_and_stores_nothing(api: Running, person: Person) -> None:
    answer = await api.client.post("/api/v1/files", params={"name": "../../etc/passwd"}, content=b"x", headers=person.headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "path"
    assert await stored(api, person) == []


@pytest.mark.parametrize("declared", [True, False])
async def test_a_file_that_is_too_large_has_one_status_by_every_way_in(shared_migrated: Urls, tmp_path: Path, declared: bool) -> None:
    async def chunked() -> AsyncIterator[bytes]:
        yield b"0123456789a"

    async with running(settings_on(shared_migrated, storage={"url": f"file://{tmp_path}"}, files={"max_file_bytes": 10})) as api:
        person = await api.person()
        body = b"0123456789a" if declared else chunked()
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "11"}
        ticket = {"name": "a", "size": 11, "sha256": "0" * 64}
        answers = [
            await api.client.post("/api/v1/files?name=a.txt", content=body, headers=person.headers),
            await api.client.post("/api/v1/files/uploads", headers={**person.headers, **tus}),
            await api.client.post("/api/v1/files/uploads", content=b"0123456789a", headers={**person.headers, "Upload-Complete": "?1"}),
            await api.client.post("/api/v1/files/tickets", json=ticket, headers=person.headers),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large"), answer.text
            assert answer.json()["detail"] == "A file may have at most 10 bytes."
        assert await stored(api, person) == []


async def test_files_are_listed_renamed_and_deleted(api: Running, person: Person) -> None:
    made = await upload(api, person, b"one", "b.txt")
    await upload(api, person, b"two", "a.txt")
    listed = (await api.client.get("/api/v1/files?sort=name", headers=person.headers)).json()["items"]
    assert [one["name"] for one in listed] == ["a.txt", "b.txt"]
    path, current = f"/api/v1/files/{made['id']}", await api.client.get(f"/api/v1/files/{made['id']}", headers=person.headers)
    renamed = await api.client.patch(path, json={"name": "c.txt"}, headers={**person.headers, "If-Match": current.headers["etag"]})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "c.txt")
    stale = await api.client.delete(path, headers={**person.headers, "If-Match": current.headers["etag"]})
    assert stale.status_code == 412
    gone = await api.client.delete(path, headers={**person.headers, "If-Match": renamed.headers["etag"]})
    assert gone.status_code == 204
    assert (await read(api, person, made["id"])).status_code == 404
    assert len(await stored(api, person)) == 1


async def test_equal_bytes_are_stored_once_in_a_tenant_and_apart_in_two(api: Running, person: Person) -> None:
    other = await api.person()
    first, second, foreign = [await upload(api, one, b"the same") for one in (person, person, other)]
    assert len(await stored(api, person)) == len(await stored(api, other)) == 1
    await api.client.delete(f"/api/v1/files/{first['id']}", headers={**person.headers, "If-Match": "*"})
    assert (await read(api, person, second["id"])).content == b"the same"
    await api.client.delete(f"/api/v1/files/{second['id']}", headers={**person.headers, "If-Match": "*"})
    assert await stored(api, person) == []
    assert (await read(api, other, foreign["id"])).content == b"the same"


async def test_a_foreign_file_answers_as_a_random_one(api: Running, person: Person) -> None:
    foreign, random = (await upload(api, await api.person(), b"secret"))["id"], str(uuid4())
    item = (await api.item(person))["id"]
    slot = f"/api/v1/files/attachments/items/{item}/picture"

    async def answers(id: str) -> list[tuple[int, str]]:
        headers, path = {**person.headers, "If-Match": "*"}, f"/api/v1/files/{id}"
        sent = [
            await api.client.get(path, headers=headers),
            await api.client.get(f"{path}/content", headers=headers),
            await api.client.get(f"{path}/thumbnails/64", headers=headers),
            await api.client.patch(path, json={"name": "mine"}, headers=headers),
            await api.client.delete(path, headers=headers),
            await api.client.post(f"{path}/complete", headers=headers),
            await api.client.put(slot, json={"file_id": id}, headers=headers),
            await api.client.delete(f"/api/v1/files/uploads/{id}", headers={**headers, "Tus-Resumable": "1.0.0"}),
        ]
        return [(answer.status_code, answer.json()["title"]) for answer in sent]

    assert await answers(foreign) == await answers(random)
    assert {status for status, _ in await answers(foreign)} == {404}


async def test_a_file_is_attached_to_an_item_and_then_not_deleted(api: Running, person: Person) -> None:
    file, other = [(await upload(api, person, content))["id"] for content in (b"one", b"two")]
    item = (await api.item(person))["id"]
    slot = f"/api/v1/files/attachments/items/{item}/picture"
    for one in (file, other, file):
        attached = await api.client.put(slot, json={"file_id": one}, headers=person.headers)
        assert (attached.status_code, attached.json()["file_id"]) == (200, one)
    kept = await api.client.delete(f"/api/v1/files/{file}", headers={**person.headers, "If-Match": "*"})
    assert (kept.status_code, kept.json()["title"]) == (409, "The state of the resource does not allow the operation")
    assert (await read(api, person, file)).content == b"one"
    assert (await api.client.get(slot, headers=person.headers)).json()["file_id"] == file
    assert (await api.client.delete(slot, headers={**person.headers, "If-Match": '"v1-json1"'})).status_code == 412
    assert (await api.client.delete(slot, headers={**person.headers, "If-Match": "*"})).status_code == 204
    assert (await api.client.get(slot, headers=person.headers)).status_code == 404
    assert (await api.client.delete(f"/api/v1/files/{file}", headers={**person.headers, "If-Match": "*"})).status_code == 204


async def test_a_file_is_not_attached_to_what_the_caller_does_not_have(api: Running, person: Person) -> None:
    file = (await upload(api, person, b"one"))["id"]
    foreign = (await api.item(await api.person()))["id"]
    for path in (f"items/{foreign}/picture", f"items/{uuid4()}/picture", f"unknown/{foreign}/picture"):
        answer = await api.client.put(f"/api/v1/files/attachments/{path}", json={"file_id": file}, headers=person.headers)
        assert answer.status_code == 404, path


async def test_a_viewer_reads_and_does_not_write(api: Running, person: Person) -> None:
    file = (await upload(api, person, b"one"))["id"]
    viewer = await api.member(person, "viewer")
    item = (await api.item(person))["id"]
    assert (await read(api, viewer, file)).content == b"one"
    refused = [
        await api.client.post("/api/v1/files", content=b"x", headers=viewer.headers),
        await api.client.patch(f"/api/v1/files/{file}", json={"name": "x"}, headers={**viewer.headers, "If-Match": "*"}),
        await api.client.delete(f"/api/v1/files/{file}", headers={**viewer.headers, "If-Match": "*"}),
        await api.client.put(f"/api/v1/files/attachments/items/{item}/picture", json={"file_id": file}, headers=viewer.headers),
        await api.client.post("/api/v1/files/uploads", headers={**viewer.headers, "Tus-Resumable": "1.0.0", "Upload-Length": "1"}),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5


async def test_every_object_has_a_key_of_ids_only(api: Running, person: Person) -> None:
    await upload(api, person, b"one", "Meu relatório.txt")
    (key,) = await stored(api, person)
    assert re.fullmatch(r"files/[0-9a-f-]{36}/objects/[0-9a-f-]{36}", key)


async def test_a_file_of_a_deleted_item_is_detached_by_who_may_delete_files(api: Running, person: Person) -> None:
    file, item = (await upload(api, person, b"one"))["id"], (await api.item(person))["id"]
    editor = await api.member(person, "member")
    slot, path = f"/api/v1/files/attachments/items/{item}/picture", f"/api/v1/files/{file}"
    assert (await api.client.put(slot, json={"file_id": file}, headers=person.headers)).status_code == 200
    deleted = await api.client.delete(f"/api/v1/items/{item}", headers={**person.headers, "If-Match": "*"})
    assert deleted.status_code == 204
    assert (await api.client.delete(path, headers={**person.headers, "If-Match": "*"})).status_code == 409
    assert (await api.client.delete(slot, headers={**editor.headers, "If-Match": "*"})).status_code == 403
    assert (await api.client.delete(slot, headers={**person.headers, "If-Match": "*"})).status_code == 204
    assert (await api.client.delete(path, headers={**person.headers, "If-Match": "*"})).status_code == 204


async def test_a_download_that_fails_before_its_first_byte_is_a_problem(api: Running, person: Person) -> None:
    file = (await upload(api, person, b"one"))["id"]
    await api.services.ports.storage.delete(await stored(api, person))
    answer = await read(api, person, file)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("side", ["65", "-64", "1" * 200])
async def test_a_thumbnail_of_another_size_does_not_exist(api: Running, person: Person, side: str) -> None:
    file = (await upload(api, person, b"one"))["id"]
    assert (await api.client.get(f"/api/v1/files/{file}/thumbnails/{side}", headers=person.headers)).status_code == 404


@pytest.mark.parametrize(
    "disposition", ["attachment; filename*=a; filename*1=b", "attachment; filename*=utf-7''+2AA-", "attachment; filename*=x''y"]
)
async def test_a_strange_content_disposition_is_no_error_of_the_server(api: Running, person: Person, disposition: str) -> None:
    answer = await api.client.post("/api/v1/files", content=b"x", headers={**person.headers, "Content-Disposition": disposition})
    assert answer.status_code == (422 if "utf-7" in disposition else 201), answer.text


async def test_a_checksum_that_is_not_ascii_is_refused(api: Running, person: Person) -> None:
    headers = [*person.headers.items(), ("Tus-Resumable", "1.0.0"), ("Upload-Length", "1")]
    sent = [(name.encode(), value.encode()) for name, value in headers] + [(b"Upload-Checksum", b"sha1 \xe9")]
    answer = await api.client.post("/api/v1/files/uploads", headers=sent)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Upload-Checksum must be an algorithm and a digest in Base64.")


async def test_a_ticket_ends_with_its_upload(shared_migrated: Urls, tmp_path: Path) -> None:
    settings = settings_on(shared_migrated, storage={"url": f"file://{tmp_path}"}, files={"upload_timeout_seconds": 60})
    async with running(settings) as short:
        body = {"name": "a.txt", "size": 1, "sha256": "0" * 64}
        answer = await short.client.post("/api/v1/files/tickets", json=body, headers=(await short.person()).headers)
    assert answer.status_code == 201, answer.text
    assert datetime.fromisoformat(answer.json()["expires_at"]) <= datetime.now(UTC) + timedelta(seconds=60)


class Waiting:
    """A body that does not end before `ending`. `count` bodies are being read."""

    def __init__(self, content: bytes) -> None:
        self._content, self.count, self.ending = content, 0, asyncio.Event()

    async def body(self) -> AsyncIterator[bytes]:
        yield self._content[:1]
        self.count += 1
        await self.ending.wait()
        yield self._content[1:]

    async def read(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.count < count:
                await asyncio.sleep(0.01)


async def test_what_is_sent_by_tickets_counts_among_the_uploads_of_the_process_and_of_the_tenant(
    shared_migrated: Urls, tmp_path: Path
) -> None:
    bounds = {"upload_concurrency": 2, "total_upload_concurrency": 3}
    content, waiting = b"good", Waiting(b"good")
    async with running(settings_on(shared_migrated, storage={"url": f"file://{tmp_path}"}, files=bounds)) as small:
        body = {"name": "a.txt", "content_type": "text/plain", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

        async def ticket(person: Person) -> dict[str, Any]:
            made: dict[str, Any] = (await small.client.post("/api/v1/files/tickets", json=body, headers=person.headers)).json()
            return made

        one, other, third = [await ticket(await small.person()) for _ in range(3)]
        key = urlsplit(one["url"]).path.rpartition("/")[2]
        granted = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))[:-32])["key"]
        form = await small.services.container.storage.presigned_post(
            granted, lifetime=timedelta(minutes=1), max_size=len(content), content_type="text/plain"
        )

        async def put(ticket: dict[str, Any], address: int, content: Any = content) -> int:
            client = small.client_at(f"203.0.113.{address}")
            return (await client.put(ticket["url"], content=content, headers=ticket["headers"])).status_code

        async def post() -> int:
            return (await small.client.post(form.url, data={**form.fields}, files={"file": ("a", content, "a/b")})).status_code

        async with asyncio.TaskGroup() as tasks:
            running_ones = [tasks.create_task(put(one, address, waiting.body())) for address in (1, 2)]
            await waiting.read(2)
            assert (await put(one, 3), await post(), await put(other, 3)) == (429, 429, 200)
            running_ones.append(tasks.create_task(put(other, 3, waiting.body())))
            await waiting.read(3)
            assert (await put(third, 4), await post()) == (503, 429)
            waiting.ending.set()
        assert [task.result() for task in running_ones] == [200, 200, 200]
        assert (await put(one, 3), await post(), await put(third, 4)) == (200, 204, 200)
