"""What the storage costs: requests of S3 for a range, and how long a cancelled caller waits."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from api_base.core.errors import NotFound, ObjectChanged
from api_base.core.protocols import Part
from api_base.infrastructure.minio.address import S3Address
from api_base.infrastructure.minio.client import S3Client
from api_base.infrastructure.minio.download_operations import DownloadOperations
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
from api_base.infrastructure.storage.upload_files import UploadFiles
from tests.contracts.test_object_storage import TEXT, chunks, local_storage, put, s3_storage


class Counted(S3Client):
    """Counts what obstore is asked for."""

    calls = 0

    async def transfer[T](self, use: Callable[[Any], Awaitable[T]], *, key: str, idempotent: bool = True) -> T:
        async def counted(store: Any) -> T:
            self.calls += 1
            return await use(store)

        return await super().transfer(counted, key=key, idempotent=idempotent)


@pytest.mark.parametrize(("start", "end", "expected"), [(2, 5, b"234"), (7, None, b"789"), (8, 99, b"89"), (10, None, b""), (20, 30, b"")])
async def test_a_range_of_s3_is_one_request(s3_url: str, start: int, end: int | None, expected: bytes) -> None:
    storage = s3_storage(s3_url)
    client = Counted(S3Address.parse(s3_url), Policy("storage", PolicyConfig()), 10.0, "none")
    try:
        stored = await put(storage, "tests/range", b"0123456789")
        read = DownloadOperations(client).read
        assert b"".join([block async for block in read("tests/range", start=start, end=end, if_match=stored.etag)]) == expected
        assert client.calls == 1
        with pytest.raises(ObjectChanged):
            _ = [block async for block in read("tests/range", start=2, end=5, if_match="other")]
        with pytest.raises(NotFound):
            _ = [block async for block in read("tests/missing", start=2, end=5)]
    finally:
        await storage.close()


async def test_a_cancelled_join_ends_with_the_part_that_it_copies(tmp_path: Path) -> None:
    joined: list[int] = []
    began, released = threading.Event(), threading.Event()

    class Slow(UploadFiles):
        def join(self, file: FileIO, directory: Path, key: str, part: Part) -> None:
            joined.append(part.number)
            began.set()
            assert released.wait(10)
            super().join(file, directory, key, part)

    storage = local_storage(tmp_path)
    storage._uploads = Slow(tmp_path / "uploads")
    upload = await storage.begin_parts("a", content_type=TEXT)
    parts = [await storage.put_part("a", upload, number, chunks(b"part"), 4) for number in range(1, 6)]
    joining = asyncio.create_task(storage.complete_parts("a", upload, parts))
    assert await asyncio.to_thread(began.wait, 10)
    joining.cancel()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert joined == [1]
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == [upload]
    storage._uploads = UploadFiles(tmp_path / "uploads")
    assert (await storage.complete_parts("a", upload, parts)).size == 20
