"""The parts of an upload to S3 that are sent in parallel, without a server: what is sent is a function of the test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from api_base.core.errors import Unavailable
from api_base.core.protocols import Part
from api_base.infrastructure.minio.address import S3Address
from api_base.infrastructure.minio.client import S3Client
from api_base.infrastructure.minio.upload_operations import PARALLEL, UploadOperations
from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
from api_base.infrastructure.system import SystemClock


@pytest.fixture
def uploads() -> UploadOperations:
    client = S3Client(S3Address.parse("s3://key:secret@bucket"), Policy("storage", PolicyConfig()), 1.0, "none")
    return UploadOperations(client, SystemClock())


class Numbers:
    """Yields numbers from 1, and counts them."""

    def __init__(self) -> None:
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[int]:
        while self.read < 1000:
            self.read += 1
            yield self.read
            await asyncio.sleep(0)


async def test_after_an_error_the_rest_of_the_content_is_not_read(uploads: UploadOperations) -> None:
    async def send(number: int, source: int) -> Part:
        if number == 2:
            raise Unavailable("The file storage cannot be used.")
        return Part(number=number, etag="a", size=source)

    numbers = Numbers()
    with pytest.raises(Unavailable):
        await uploads._in_parallel(aiter(numbers), send)
    assert numbers.read < 10
    assert len(await uploads._in_parallel(aiter(Numbers()), lambda number, source: part(number, source))) == 1000, "no slot was lost"


async def part(number: int, source: int) -> Part:
    await asyncio.sleep(0)
    return Part(number=number, etag="a", size=source)


async def test_a_slow_part_leaves_the_others_their_limit(uploads: UploadOperations) -> None:
    sending, most, late = 0, 0, asyncio.Event()

    async def send(number: int, source: int) -> Part:
        nonlocal sending, most
        sending += 1
        most = max(most, sending)
        if number == 1:
            await late.wait()
        if number == 1000:
            late.set()
        for _ in range(5):
            await asyncio.sleep(0)
        found = await part(number, source)
        sending -= 1
        return found

    found = await uploads._in_parallel(aiter(Numbers()), send)
    assert [one.number for one in found] == [*range(1, 1001)]
    assert most == PARALLEL
