"""Write to S3. A content of one block is one request; a longer one is a multipart upload, whose parts are sent in parallel.

A block is 5 MiB at first and grows with the content, so 10,000 parts suffice for some 270 GiB. Each upload fills one block while up to three are sent,
and all uploads of a process send at most `SENDING` blocks at the same time: that bounds the memory. S3 verifies each request by a checksum (SHA-256, MD5
of a part), and the SHA-256 of the whole is compared before the object appears.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import md5
from hashlib import sha256 as sha256_of
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import obstore

from api_base.core.errors import ChecksumMismatch, NotFound, ObjectChanged, Unavailable
from api_base.core.protocols import MAX_PART_BYTES, Clock, Part, StoredObject, checked_content_type, checked_key, checked_part
from api_base.infrastructure.minio.client import S3Client
from api_base.infrastructure.minio.download_operations import DownloadOperations

if TYPE_CHECKING:
    from obstore import PutMode
    from types_aiobotocore_s3.client import S3Client as Api

MINIMUM_PART: Final = 5_242_880
PARALLEL: Final = 3
SENDING: Final = 5
PARTS_OF_ONE_SIZE: Final = 2_000


class UploadOperations(DownloadOperations):
    """The writing methods of `ObjectStorage`."""

    def __init__(self, client: S3Client, clock: Clock) -> None:
        super().__init__(client)
        self._clock = clock
        self._slots = asyncio.Semaphore(SENDING)

    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        content_type: str,
        sha256: str | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> StoredObject:
        checked_key(key), checked_content_type(content_type)
        digest, size = sha256_of(), 0

        def compare() -> None:
            if sha256 is not None and digest.hexdigest() != sha256.lower():
                raise ChecksumMismatch(f"the SHA-256 {sha256.lower()}", digest.hexdigest())

        async def measured(blocks: AsyncIterator[BytesIO]) -> AsyncIterator[BytesIO]:
            nonlocal size
            async for block in blocks:
                size += block.getbuffer().nbytes
                await asyncio.to_thread(digest.update, block.getbuffer())
                yield block

        blocks = measured(_blocks(content))
        first = await anext(blocks)
        if size < MINIMUM_PART:
            compare()
            etag, version = await self._put(key, first, content_type, if_absent, if_match)
        else:
            upload = await self.begin_parts(key, content_type=content_type)
            try:
                parts = await self._send_all(key, upload, _chained(first, blocks))
                compare()
                etag, version = await self._complete(key, upload, parts, _conditions(if_absent, if_match))
            except BaseException:
                await self._abandon(key, upload)
                raise
        return StoredObject(key=key, size=size, etag=etag, modified_at=self._clock.now(), content_type=content_type, version=version)

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        checked_key(key), checked_content_type(content_type)
        client = self._client
        answer = await self._client.call(
            lambda api: api.create_multipart_upload(Bucket=client.bucket, Key=key, ContentType=content_type, **client.encryption), key=key
        )
        return str(answer["UploadId"])

    async def put_part(self, key: str, upload: str, number: int, content: AsyncIterable[bytes], size: int) -> Part:
        checked_part(number, size)
        checked_key(key)
        _check_upload(upload)
        block = BytesIO()
        async for chunk in content:
            block.write(chunk)
            if block.tell() > size:
                break
        if block.tell() != size:
            raise ChecksumMismatch(f"{size} bytes", block.tell() if block.tell() < size else "more")
        async with self._slots:
            return await self._send(key, upload, number, block)

    async def complete_parts(self, key: str, upload: str, parts: Sequence[Part]) -> StoredObject:
        checked_key(key)
        _check_upload(upload)
        stored = await self._stored_parts(key, upload)
        if any(stored.get(part.number) != part for part in parts):  # not every server compares the tags
            raise ObjectChanged(key)
        await self._complete(key, upload, parts, {})
        return await self.head(key)

    async def abort_parts(self, key: str, upload: str) -> None:
        try:
            checked_key(key)
            _check_upload(upload)
            await self._client.call(
                lambda api: api.abort_multipart_upload(Bucket=self._client.bucket, Key=key, UploadId=upload), key=key, upload=upload
            )
        except NotFound:
            pass

    async def copy_parts(self, source: StoredObject, target: str, part_size: int) -> None:
        """Copy an object by parts of `part_size` bytes."""
        upload = await self.begin_parts(target, content_type=source.content_type)

        async def copied(number: int, start: int) -> Part:
            end = min(start + part_size, source.size)
            answer = await self._client.call(
                lambda api: api.upload_part_copy(
                    Bucket=self._client.bucket,
                    Key=target,
                    UploadId=upload,
                    PartNumber=number,
                    CopySource={"Bucket": self._client.bucket, "Key": source.key},
                    CopySourceIfMatch=f'"{source.etag}"',
                    CopySourceRange=f"bytes={start}-{end - 1}",
                ),
                key=source.key,
            )
            return Part(number=number, etag=answer["CopyPartResult"]["ETag"].strip('"'), size=end - start)

        async def starts() -> AsyncIterator[int]:
            for start in range(0, source.size, part_size):
                yield start

        try:
            await self._complete(target, upload, await self._in_parallel(starts(), copied), {})
        except BaseException:
            await self._abandon(target, upload)
            raise

    async def _abandon(self, key: str, upload: str) -> None:
        """Abort an upload after an error, which is raised whether this succeeds or not: what is left is `unfinished`."""
        with suppress(Unavailable):
            await self.abort_parts(key, upload)

    async def _put(self, key: str, block: BytesIO, content_type: str, if_absent: bool, if_match: str | None) -> tuple[str, str | None]:
        mode: PutMode = "create" if if_absent else "overwrite" if if_match is None else {"e_tag": f'"{if_match}"'}
        result = await self._client.transfer(
            lambda store: obstore.put_async(
                store, key, block.getbuffer(), attributes={"Content-Type": content_type}, mode=mode, use_multipart=False
            ),
            key=key,
            idempotent=mode == "overwrite",
        )
        return (result["e_tag"] or "").strip('"'), result["version"]

    async def _send_all(self, key: str, upload: str, blocks: AsyncIterator[BytesIO]) -> Sequence[Part]:
        return await self._in_parallel(blocks, lambda number, block: self._send(key, upload, number, block))

    async def _in_parallel[T](self, sources: AsyncIterator[T], send: Callable[[int, T], Awaitable[Part]]) -> Sequence[Part]:
        """Return the parts that `send` makes of the numbered sources. After an error, none of them is still being sent."""
        tasks: list[asyncio.Task[Part]] = []
        sending: set[asyncio.Task[Part]] = set()
        try:
            async for source in sources:
                number = len(tasks) + 1
                checked_part(number, 0)
                if len(sending) == PARALLEL:
                    await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                for task in [one for one in sending if one.done()]:
                    task.result()  # raises its error: the others are not sent
                    sending.remove(task)
                await self._slots.acquire()
                task = asyncio.create_task(_awaited(send(number, source)))
                task.add_done_callback(lambda _: self._slots.release())
                tasks.append(task)
                sending.add(task)
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _stored_parts(self, key: str, upload: str) -> dict[int, Part]:
        """Return the parts that S3 has, by their numbers."""

        def listing(api: "Api", **place: Any) -> Awaitable[Any]:
            return api.list_parts(Bucket=self._client.bucket, Key=key, UploadId=upload, **place)

        found: dict[int, Part] = {}
        async for page in self._client.pages(listing, {"PartNumberMarker": "NextPartNumberMarker"}, key=key, upload=upload):
            for one in page.get("Parts", []):
                found[one["PartNumber"]] = Part(number=one["PartNumber"], etag=one["ETag"].strip('"'), size=one["Size"])
        return found

    async def _send(self, key: str, upload: str, number: int, block: BytesIO) -> Part:
        """Send a part, and close it."""
        try:
            size = block.getbuffer().nbytes
            checksum = b64encode((await asyncio.to_thread(md5, block.getbuffer(), usedforsecurity=False)).digest()).decode()

            async def sent(api: Any) -> str:
                block.seek(0)
                answer = await api.upload_part(
                    Bucket=self._client.bucket, Key=key, UploadId=upload, PartNumber=number, Body=block, ContentMD5=checksum
                )
                return str(answer["ETag"])

            etag = await self._client.call(sent, key=key, upload=upload)
            return Part(number=number, etag=etag.strip('"'), size=size)
        finally:
            with suppress(BufferError):  # cancelled while a thread reads it, which frees it
                block.close()

    async def _complete(self, key: str, upload: str, parts: Sequence[Part], conditions: dict[str, Any]) -> tuple[str, str | None]:
        """Not retried: the second attempt would find no upload."""
        ordered: list[Any] = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in sorted(parts, key=lambda one: one.number)]
        try:
            answer = await self._client.call(
                lambda api: api.complete_multipart_upload(
                    Bucket=self._client.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": ordered}, **conditions
                ),
                key=key,
                upload=upload,
                idempotent=False,
            )
        except NotFound:
            if "IfMatch" in conditions:  # AWS and MinIO answer NoSuchKey if the object does not exist, SeaweedFS PreconditionFailed
                raise ObjectChanged(key) from None
            raise
        return answer["ETag"].strip('"'), answer.get("VersionId")


def _conditions(if_absent: bool, if_match: str | None) -> dict[str, Any]:
    conditions = {"IfNoneMatch": "*"} if if_absent else {}
    return conditions if if_match is None else {**conditions, "IfMatch": f'"{if_match}"'}


def _check_upload(upload: str) -> None:
    """Raise `NotFound` for what is no id of an upload: it is a part of requests."""
    if not (upload and upload.isascii() and upload.isprintable() and "/" not in upload and upload.strip(".")):
        raise NotFound("upload", upload)


async def _awaited[T](awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _chained(first: BytesIO, others: AsyncIterator[BytesIO]) -> AsyncIterator[BytesIO]:
    yield first
    async for block in others:
        yield block


def block_size(number: int) -> int:
    """Return the bytes of the block `number`, from 1.

    >>> [block_size(number) // 2**20 for number in (1, 2000, 2001, 8000, 10_000)]
    [5, 5, 10, 40, 64]
    """
    return int(min(MINIMUM_PART << ((number - 1) // PARTS_OF_ONE_SIZE), MAX_PART_BYTES))


async def _blocks(content: AsyncIterable[bytes]) -> AsyncIterator[BytesIO]:
    """Yield the content in blocks, at least one. All but the last have the size of their number.

    The sender closes a block, which frees its memory: references to it remain in the cycles of failed and repeated calls.
    """
    number, block = 1, BytesIO()
    async for chunk in content:
        left = memoryview(chunk)
        while left:
            room = block_size(number) - block.tell()
            block.write(left[:room])
            left = left[room:]
            if block.tell() == block_size(number):
                yield block
                number, block = number + 1, BytesIO()
    if block.tell() or number == 1:
        yield block
