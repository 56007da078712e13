"""What every storage of objects promises, on the local directory and on a real S3 server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api_base.core.errors import ChecksumMismatch, NotFound, ObjectChanged, ProgrammingError
from api_base.core.protocols import ObjectStorage, Part, StoredObject
from api_base.infrastructure.minio.address import S3Address
from api_base.infrastructure.minio.client import S3Client
from api_base.infrastructure.minio.storage import S3Storage
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
from api_base.infrastructure.storage.local_storage import LocalStorage
from api_base.infrastructure.storage.signed_urls import SignedUrls
from api_base.infrastructure.system import SystemClock

TEXT = "text/plain; charset=utf-8"
MIB = 1_048_576


def local_storage(root: Path) -> LocalStorage:
    return LocalStorage(root, SystemClock(), SignedUrls(lambda: [b"k" * 32], "http://127.0.0.1:8000"))


def s3_storage(url: str, *, timeout: float = 30.0, **options: Any) -> S3Storage:
    client = S3Client(S3Address.parse(url), Policy("storage", PolicyConfig(timeout=timeout)), timeout, "none")
    return S3Storage(client, SystemClock(), **options)


@pytest.fixture(params=["local", "s3", "s3 with versions"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStorage]:
    made: ObjectStorage
    if request.param == "local":
        made = local_storage(tmp_path / "storage")
    else:
        made = s3_storage(request.getfixturevalue("s3_url" if request.param == "s3" else "s3_versions_url"), copied_at_once=5 * MIB)
    yield made
    await made.close()


@pytest.fixture
def prefix() -> str:
    """Of this test alone: all share one bucket."""
    return f"{uuid4().hex}/"


async def chunks(data: bytes, size: int = 70_001) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def broken(data: bytes) -> AsyncIterator[bytes]:
    async for chunk in chunks(data):
        yield chunk
    raise ConnectionResetError("the client left")


async def contents(storage: ObjectStorage, key: str, start: int = 0, end: int | None = None, if_match: str | None = None) -> bytes:
    return b"".join([chunk async for chunk in storage.read(key, start=start, end=end, if_match=if_match)])


async def put(storage: ObjectStorage, key: str, data: bytes) -> StoredObject:
    return await storage.put(key, chunks(data), content_type=TEXT)


async def listed(storage: ObjectStorage, prefix: str) -> set[str]:
    return {one.key async for one in storage.list(prefix)}


async def unfinished(storage: ObjectStorage, prefix: str) -> list[tuple[str, str]]:
    return [(one.key, one.upload) async for one in storage.unfinished(prefix)]


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes of which no two blocks are equal."""
    return hashlib.shake_128(str(seed).encode()).digest(size)


@pytest.mark.parametrize("size", [0, 1, MIB, 5 * MIB, 21 * MIB + 7])
async def test_a_content_comes_back_as_it_was_put(storage: ObjectStorage, prefix: str, size: int) -> None:
    data = pattern(size)
    before = datetime.now(UTC) - timedelta(seconds=2)
    stored = await storage.put(f"{prefix}a", chunks(data), content_type=TEXT, sha256=hashlib.sha256(data).hexdigest())
    assert (stored.key, stored.size, stored.content_type) == (f"{prefix}a", size, TEXT)
    assert before <= stored.modified_at <= datetime.now(UTC) + timedelta(seconds=2)
    found = await storage.head(f"{prefix}a")
    assert (found.size, found.etag, found.content_type) == (size, stored.etag, TEXT)
    assert await contents(storage, f"{prefix}a") == data
    assert await unfinished(storage, prefix) == []


async def test_another_content_has_another_etag_of_the_same_length(storage: ObjectStorage, prefix: str) -> None:
    first = await put(storage, f"{prefix}a", b"one")
    second = await put(storage, f"{prefix}a", b"two")
    assert first.etag != second.etag
    assert '"' not in first.etag
    assert await contents(storage, f"{prefix}a", if_match=second.etag) == b"two"
    with pytest.raises(ObjectChanged):
        await contents(storage, f"{prefix}a", if_match=first.etag)


async def test_what_is_not_there_is_not_found(storage: ObjectStorage, prefix: str) -> None:
    with pytest.raises(NotFound):
        await storage.head(f"{prefix}none")
    with pytest.raises(NotFound):
        await contents(storage, f"{prefix}none")
    with pytest.raises(NotFound):
        await storage.copy(f"{prefix}none", f"{prefix}b")
    await storage.delete([f"{prefix}none"])
    assert await listed(storage, prefix) == set()


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (0, 1), (3, 3), (5, 2), (10, 20), (0, 2 * MIB), (MIB - 1, MIB + 1), (2 * MIB - 1, 9 * MIB), (2 * MIB, None), (7, None)],
)
async def test_a_range_is_a_slice(storage: ObjectStorage, prefix: str, start: int, end: int | None) -> None:
    data = pattern(2 * MIB)
    await put(storage, f"{prefix}a", data)
    assert await contents(storage, f"{prefix}a", start, end) == data[start:end]


async def test_a_range_beyond_the_end_is_empty(storage: ObjectStorage, prefix: str) -> None:
    await put(storage, f"{prefix}a", b"abc")
    await put(storage, f"{prefix}empty", b"")
    assert await contents(storage, f"{prefix}a", 4) == b""
    assert await contents(storage, f"{prefix}empty", 0, 10) == b""


async def test_a_reader_sees_one_content_while_it_is_replaced_and_deleted(storage: ObjectStorage, prefix: str) -> None:
    old, new = pattern(9 * MIB, 1), pattern(9 * MIB, 2)
    await put(storage, f"{prefix}a", old)
    reader = storage.read(f"{prefix}a")
    found = await anext(reader)
    await put(storage, f"{prefix}a", new)
    found += b"".join([chunk async for chunk in reader])
    assert found == old
    assert await contents(storage, f"{prefix}a") == new


async def test_one_of_20_writers_creates_an_object(storage: ObjectStorage, prefix: str) -> None:
    async def write(number: int) -> int:
        await storage.put(f"{prefix}a", chunks(b"%d" % number), content_type=TEXT, if_absent=True)
        return number

    results = await asyncio.gather(*(write(number) for number in range(20)), return_exceptions=True)
    (winner,) = [one for one in results if isinstance(one, int)]
    assert [type(one) for one in results if not isinstance(one, int)] == [ObjectChanged] * 19
    assert await contents(storage, f"{prefix}a") == b"%d" % winner


async def test_one_of_20_writers_replaces_the_content_that_all_have_read(storage: ObjectStorage, prefix: str) -> None:
    seen = (await put(storage, f"{prefix}a", b"first")).etag

    async def write(number: int) -> int:
        await storage.put(f"{prefix}a", chunks(b"%d" % number), content_type=TEXT, if_match=seen)
        return number

    results = await asyncio.gather(*(write(number) for number in range(20)), return_exceptions=True)
    (winner,) = [one for one in results if isinstance(one, int)]
    assert [type(one) for one in results if not isinstance(one, int)] == [ObjectChanged] * 19
    assert await contents(storage, f"{prefix}a") == b"%d" % winner


@pytest.mark.parametrize("size", [3, 12 * MIB])
async def test_conditions_hold_for_contents_of_one_and_of_many_parts(storage: ObjectStorage, prefix: str, size: int) -> None:
    first, second = pattern(size, 1), pattern(size, 2)
    with pytest.raises(ObjectChanged):
        await storage.put(f"{prefix}a", chunks(first), content_type=TEXT, if_match="0" * 32)
    stored = await storage.put(f"{prefix}a", chunks(first), content_type=TEXT, if_absent=True)
    with pytest.raises(ObjectChanged):
        await storage.put(f"{prefix}a", chunks(second), content_type=TEXT, if_absent=True)
    with pytest.raises(ObjectChanged):
        await storage.put(f"{prefix}a", chunks(second), content_type=TEXT, if_match="0" * 32)
    assert await contents(storage, f"{prefix}a") == first
    await storage.put(f"{prefix}a", chunks(second), content_type=TEXT, if_match=stored.etag)
    assert await contents(storage, f"{prefix}a") == second
    assert await unfinished(storage, prefix) == []


@pytest.mark.parametrize("size", [3, 12 * MIB])
async def test_a_content_with_another_checksum_is_not_stored(storage: ObjectStorage, prefix: str, size: int) -> None:
    await put(storage, f"{prefix}a", b"before")
    data = pattern(size)
    with pytest.raises(ChecksumMismatch):
        await storage.put(f"{prefix}a", chunks(data), content_type=TEXT, sha256=hashlib.sha256(data[:-1]).hexdigest())
    assert await contents(storage, f"{prefix}a") == b"before"
    assert await unfinished(storage, prefix) == []


@pytest.mark.parametrize("size", [3, 12 * MIB])
async def test_an_interrupted_content_is_not_stored(storage: ObjectStorage, prefix: str, size: int) -> None:
    await put(storage, f"{prefix}a", b"before")
    with pytest.raises(ConnectionResetError):
        await storage.put(f"{prefix}a", broken(pattern(size)), content_type=TEXT)
    assert await contents(storage, f"{prefix}a") == b"before"
    assert await unfinished(storage, prefix) == []


async def test_a_cancelled_writer_stores_nothing(storage: ObjectStorage, prefix: str) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield pattern(12 * MIB)
        arrived.set()
        await never.wait()
        yield b"never"

    task = asyncio.create_task(storage.put(f"{prefix}a", waiting(), content_type=TEXT))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await listed(storage, prefix) == set()
    assert await unfinished(storage, prefix) == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a/.b",
        "A",
        "a b",
        "a\n",
        "é",
        "a\\b",
        "a\0",
        "a=",
        "%2e%2e/a",
        "a" * 129,
        "a/" * 256 + "a",
    ],
)
async def test_what_a_client_might_write_is_no_key(storage: ObjectStorage, key: str) -> None:
    with pytest.raises(ProgrammingError):
        await put(storage, key, b"content")
    with pytest.raises(ProgrammingError):
        await storage.head(key)
    with pytest.raises(ProgrammingError):
        await contents(storage, key)
    with pytest.raises(ProgrammingError):
        await storage.copy(key, "a")
    with pytest.raises(ProgrammingError):
        await storage.copy("a", key)
    with pytest.raises(ProgrammingError):
        await storage.delete([key])
    with pytest.raises(ProgrammingError):
        await storage.begin_parts(key, content_type=TEXT)
    with pytest.raises(ProgrammingError):
        await storage.presigned_get(key, lifetime=timedelta(minutes=1), content_type=TEXT, disposition="inline")


@pytest.mark.parametrize("content_type", ["", "text", "text/plain\r\nset-cookie: a=b", "text/é", "text/" + "a" * 251])
async def test_what_is_no_header_is_no_content_type(storage: ObjectStorage, prefix: str, content_type: str) -> None:
    with pytest.raises(ProgrammingError):
        await storage.put(f"{prefix}a", chunks(b"a"), content_type=content_type)
    with pytest.raises(ProgrammingError):
        await storage.begin_parts(f"{prefix}a", content_type=content_type)
    assert await listed(storage, prefix) == set()


@pytest.mark.parametrize("content_type", ['multipart/form-data; boundary="a b=c;/?"', "text/" + "a" * 250, "image/svg+xml", "a/b"])
async def test_a_content_type_is_kept_as_it_is(storage: ObjectStorage, prefix: str, content_type: str) -> None:
    await storage.put(f"{prefix}a", chunks(b"a"), content_type=content_type)
    assert (await storage.head(f"{prefix}a")).content_type == content_type


async def test_a_key_may_be_the_beginning_of_another(storage: ObjectStorage, prefix: str) -> None:
    longest = prefix + "/".join(["a" * 119] * 4)
    keys = {f"{prefix}a", f"{prefix}a/b", f"{prefix}a/b/c", f"{prefix}a.b", f"{prefix}a-b_c.d..e", f"{prefix}0/-", longest}
    for key in keys:
        await put(storage, key, key.encode())
    assert {key: await contents(storage, key) for key in keys} == {key: key.encode() for key in keys}
    assert await listed(storage, prefix) == keys
    assert await listed(storage, f"{prefix}a/") == {f"{prefix}a/b", f"{prefix}a/b/c"}
    assert await listed(storage, f"{prefix}a.") == {f"{prefix}a.b"}
    await storage.delete([f"{prefix}a", f"{prefix}a/b"])
    assert await listed(storage, prefix) == keys - {f"{prefix}a", f"{prefix}a/b"}


async def test_a_copy_is_independent_and_newer(storage: ObjectStorage, prefix: str) -> None:
    data = pattern(9 * MIB)
    source = await put(storage, f"{prefix}a", data)
    await put(storage, f"{prefix}b", b"replaced")
    copied = await storage.copy(f"{prefix}a", f"{prefix}b", if_match=source.etag)
    assert (copied.key, copied.size, copied.content_type) == (f"{prefix}b", len(data), TEXT)
    assert copied.modified_at >= source.modified_at - timedelta(seconds=1)  # S3 has whole seconds
    assert (await storage.copy(f"{prefix}a", f"{prefix}b")).size == len(data)
    with pytest.raises(ObjectChanged):
        await storage.copy(f"{prefix}a", f"{prefix}c", if_match="0" * 32)
    await put(storage, f"{prefix}a", b"later")
    assert await contents(storage, f"{prefix}b") == data
    await storage.delete([f"{prefix}a"])
    assert await contents(storage, f"{prefix}b") == data
    assert await listed(storage, prefix) == {f"{prefix}b"}
    assert await unfinished(storage, prefix) == []


@pytest.mark.slow
async def test_more_objects_are_listed_and_deleted_than_one_request_of_s3_holds(storage: ObjectStorage, prefix: str) -> None:
    keys = [f"{prefix}{number // 100}/{number}" for number in range(1_050)]
    for start in range(0, len(keys), 20):
        await asyncio.gather(*(put(storage, key, b"a") for key in keys[start : start + 20]))
    found = [one async for one in storage.list(prefix)]
    assert sorted(one.key for one in found) == sorted(keys)
    assert {(one.size, one.version) for one in found} == {(1, None)}
    await storage.delete(keys[1:])
    assert await listed(storage, prefix) == {keys[0]}


async def test_parts_become_one_object_in_order_of_their_numbers(storage: ObjectStorage, prefix: str) -> None:
    data = [pattern(5 * MIB, 1), pattern(6 * MIB, 2), b"the last part is shorter"]
    upload = await storage.begin_parts(f"{prefix}a", content_type=TEXT)
    assert await unfinished(storage, prefix) == [(f"{prefix}a", upload)]
    numbers = (2, 7, 9_999)
    parts = [
        await storage.put_part(f"{prefix}a", upload, number, chunks(one), len(one))
        for number, one in reversed([*zip(numbers, data, strict=True)])
    ]
    assert [(part.number, part.size) for part in parts] == [(9_999, 24), (7, 6 * MIB), (2, 5 * MIB)]
    with pytest.raises(NotFound):
        await storage.head(f"{prefix}a")
    stored = await storage.complete_parts(f"{prefix}a", upload, parts)
    assert (stored.key, stored.size, stored.content_type) == (f"{prefix}a", 11 * MIB + 24, TEXT)
    assert (await storage.head(f"{prefix}a")).etag == stored.etag
    assert await contents(storage, f"{prefix}a") == b"".join(data)
    assert await unfinished(storage, prefix) == []
    with suppress(NotFound):  # S3 accepts it for a while, because the first answer may have been lost
        await storage.complete_parts(f"{prefix}a", upload, parts)
    assert await contents(storage, f"{prefix}a") == b"".join(data)


async def test_only_parts_that_are_stored_complete_an_upload(storage: ObjectStorage, prefix: str) -> None:
    key = f"{prefix}a"
    upload = await storage.begin_parts(key, content_type=TEXT)
    new = await storage.put_part(key, upload, 1, chunks(b"new"), 3)
    for parts in ([Part(number=1, etag="0" * 32, size=3)], [new, Part(number=2, etag=new.etag, size=3)]):
        with pytest.raises(ObjectChanged):
            await storage.complete_parts(key, upload, parts)
    assert await listed(storage, prefix) == set()
    await storage.complete_parts(key, upload, [new])
    assert await contents(storage, key) == b"new"


@pytest.mark.parametrize("sent", [b"", b"ab", b"abcd"])
async def test_a_part_of_another_size_is_not_stored(storage: ObjectStorage, prefix: str, sent: bytes) -> None:
    key = f"{prefix}a"
    upload = await storage.begin_parts(key, content_type=TEXT)
    part = await storage.put_part(key, upload, 1, chunks(b"abc"), 3)
    with pytest.raises(ChecksumMismatch):
        await storage.put_part(key, upload, 1, chunks(sent), 3)
    with pytest.raises(ConnectionResetError):
        await storage.put_part(key, upload, 1, broken(b"abc"), 3)
    await storage.complete_parts(key, upload, [part])
    assert await contents(storage, key) == b"abc"


async def test_an_aborted_upload_leaves_nothing(storage: ObjectStorage, prefix: str) -> None:
    key = f"{prefix}a"
    upload = await storage.begin_parts(key, content_type=TEXT)
    part = await storage.put_part(key, upload, 1, chunks(b"abc"), 3)
    await storage.abort_parts(key, upload)
    await storage.abort_parts(key, upload)
    assert await unfinished(storage, prefix) == []
    with pytest.raises(NotFound):
        await storage.complete_parts(key, upload, [part])
    with pytest.raises(NotFound):
        await storage.put_part(key, upload, 2, chunks(b"abc"), 3)
    assert await listed(storage, prefix) == set()


async def test_an_upload_belongs_to_its_key(storage: ObjectStorage, prefix: str) -> None:
    upload = await storage.begin_parts(f"{prefix}a", content_type=TEXT)
    with pytest.raises(NotFound):
        await storage.put_part(f"{prefix}b", upload, 1, chunks(b"abc"), 3)
    await storage.abort_parts(f"{prefix}b", upload)
    assert await unfinished(storage, prefix) == [(f"{prefix}a", upload)]
    await storage.abort_parts(f"{prefix}a", upload)


@pytest.mark.parametrize("upload", ["", "..", "../objects", "0" * 32, "a\nb"])
async def test_an_id_that_no_upload_has_is_not_found(storage: ObjectStorage, prefix: str, upload: str) -> None:
    with pytest.raises(NotFound):
        await storage.put_part(f"{prefix}a", upload, 1, chunks(b"abc"), 3)
    with pytest.raises(NotFound):
        await storage.complete_parts(f"{prefix}a", upload, [Part(number=1, etag="0" * 32, size=3)])
    await storage.abort_parts(f"{prefix}a", upload)


@pytest.mark.parametrize("number", [0, 10_001, -1])
async def test_a_part_has_a_number_from_1_to_10000(storage: ObjectStorage, prefix: str, number: int) -> None:
    upload = await storage.begin_parts(f"{prefix}a", content_type=TEXT)
    with pytest.raises(ProgrammingError):
        await storage.put_part(f"{prefix}a", upload, number, chunks(b"abc"), 3)
    await storage.abort_parts(f"{prefix}a", upload)


async def test_an_unfinished_upload_says_since_when(storage: ObjectStorage, prefix: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    upload = await storage.begin_parts(f"{prefix}a", content_type=TEXT)
    (found,) = [one async for one in storage.unfinished(prefix)]
    assert before <= found.started_at <= datetime.now(UTC) + timedelta(seconds=2)
    await storage.abort_parts(f"{prefix}a", upload)
