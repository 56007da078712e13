"""Objects as files in a directory of this machine (object_files.py says how they are written). All work on files is done in threads."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256 as sha256_of
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Final

from api_base.core.errors import ChecksumMismatch, NotFound, ObjectChanged, Unavailable
from api_base.core.protocols import (
    Clock,
    DirectRequest,
    ObjectStorage,
    Part,
    Probe,
    SignedStorage,
    StoredObject,
    Ticket,
    Unfinished,
    checked_content_type,
    checked_key,
    checked_part,
)
from api_base.infrastructure.storage.object_files import (
    Description,
    ObjectFiles,
    OpenFile,
    described,
    flush_directory,
    make_directory,
    of_file,
    opened,
    write,
)
from api_base.infrastructure.storage.signed_urls import SignedUrls
from api_base.infrastructure.storage.upload_files import BLOCK, UploadFiles

BATCH: Final = 100
_PART: Final = "application/octet-stream"


async def in_thread[**P, T](work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what `work` returns in a thread. A cancelled caller waits for its end. Raises `Unavailable` for an error of the system."""
    running = asyncio.get_running_loop().run_in_executor(None, partial(work, *arguments, **named))  # no task, which a stopping loop cancels
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):  # cancelled again: the thread still uses the file that the caller closes
                await asyncio.wait([running])
        running.exception()  # retrieved, so that nobody logs it
        raise
    except OSError as error:
        raise Unavailable("The file storage cannot be used.", reason=error) from error


class LocalStorage(ObjectStorage, SignedStorage, Probe):
    """Implements `ObjectStorage` in the directory `root`, which the first write creates. There are no versions, and no encryption."""

    minimum_part = 1

    def __init__(self, root: Path, clock: Clock, urls: SignedUrls) -> None:
        self._root, self._clock, self._urls = root, clock, urls
        self._objects, self._uploads = ObjectFiles(root / "objects", root / "locks"), UploadFiles(root / "uploads")

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
        path = self._uploads.new()
        try:
            stored, found = await self._write(path, self._description(key, content_type), content)
            if sha256 is not None and found != sha256.lower():
                raise ChecksumMismatch(f"the SHA-256 {sha256.lower()}", found)
            await in_thread(self._objects.publish, path, key, if_absent=if_absent, if_match=if_match)
        finally:
            await in_thread(path.unlink, missing_ok=True)
        return stored

    async def head(self, key: str) -> StoredObject:
        return await in_thread(self._head, checked_key(key))

    async def read(self, key: str, *, start: int = 0, end: int | None = None, if_match: str | None = None) -> AsyncIterator[bytes]:
        found = await in_thread(self._opened, checked_key(key))
        try:
            if if_match is not None and found.description.etag != if_match:
                raise ObjectChanged(key)
            left = max(0, min(found.size, found.size if end is None else end) - start)
            await in_thread(found.file.seek, found.begin + start)
            while left > 0 and (block := await in_thread(found.file.read, min(left, BLOCK))):
                left -= len(block)
                yield block
        finally:
            found.file.close()

    async def copy(self, source: str, target: str, *, if_match: str | None = None) -> StoredObject:
        return await in_thread(self._copy, checked_key(source), checked_key(target), if_match)

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            await in_thread(self._objects.remove, checked_key(key))

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        directory = prefix.rpartition("/")[0]
        if directory:
            checked_key(directory)
        found = self._listed(prefix)
        while batch := await in_thread(lambda: [*islice(found, BATCH)]):
            for one in batch:
                yield one

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        upload = token_hex(16)
        await in_thread(self._uploads.begin, upload, self._description(key, content_type))
        return upload

    async def put_part(self, key: str, upload: str, number: int, content: AsyncIterable[bytes], size: int) -> Part:
        checked_part(number, size)
        directory = await in_thread(self._uploads.directory_of, key, upload)
        path = directory / f"{number}.{token_hex(8)}"
        try:
            part, _ = await self._write(path, self._description(key, _PART), content)
            if part.size != size:
                raise ChecksumMismatch(f"{size} bytes", part.size)
            await in_thread(_replace, path, directory / str(number))
        except Unavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):  # the upload ended in between
                raise NotFound("upload", upload) from error
            raise
        finally:
            await in_thread(path.unlink, missing_ok=True)
        return Part(number=number, etag=part.etag, size=size)

    async def complete_parts(self, key: str, upload: str, parts: Sequence[Part]) -> StoredObject:
        directory = await in_thread(self._uploads.directory_of, key, upload)
        path = self._uploads.new()
        try:
            stored = await self._join(path, directory, parts)
            await in_thread(self._objects.publish, path, key)
        finally:
            await in_thread(path.unlink, missing_ok=True)
        await self.abort_parts(key, upload)
        return stored

    async def _join(self, path: Path, directory: Path, parts: Sequence[Part]) -> StoredObject:
        """Write the parts of an upload to a new file, each in a thread of its own, so that a cancelled caller waits for one part at most."""
        about = await in_thread(self._uploads.about, directory)
        description = self._description(about.key, about.content_type)
        file = await in_thread(self._uploads.create, path, description)
        try:
            for part in sorted(parts, key=lambda one: one.number):
                await in_thread(self._uploads.join, file, directory, about.key, part)
            await in_thread(os.fsync, file.fileno())
            return _object(about.key, await in_thread(of_file, file, description))
        finally:
            file.close()

    async def abort_parts(self, key: str, upload: str) -> None:
        with suppress(NotFound):
            await in_thread(self._uploads.abort, key, upload)

    async def unfinished(self, prefix: str) -> AsyncIterator[Unfinished]:
        for one in await in_thread(self._uploads.unfinished):
            if not one.key or one.key.startswith(prefix):
                yield one

    async def presigned_get(self, key: str, *, lifetime: timedelta, content_type: str, disposition: str) -> str:
        ticket = Ticket(
            method="GET", key=checked_key(key), expires_at=self._expiry(lifetime), content_type=content_type, disposition=disposition
        )
        return self._urls.url(ticket)

    async def presigned_put(self, key: str, *, lifetime: timedelta, size: int, content_type: str, sha256: str) -> DirectRequest:
        ticket = Ticket(
            method="PUT", key=checked_key(key), expires_at=self._expiry(lifetime), content_type=content_type, size=size, sha256=sha256
        )
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        return DirectRequest(method="PUT", url=self._urls.url(ticket), headers=headers, fields={}, expires_at=ticket.expires)

    async def presigned_post(self, key: str, *, lifetime: timedelta, max_size: int, content_type: str) -> DirectRequest:
        ticket = Ticket(method="POST", key=checked_key(key), expires_at=self._expiry(lifetime), content_type=content_type, size=max_size)
        fields = {"Content-Type": content_type}
        return DirectRequest(method="POST", url=self._urls.url(ticket), headers={}, fields=fields, expires_at=ticket.expires)

    def ticket(self, text: str, method: str) -> Ticket:
        """Return the rights that a signed URL grants. Raises `Forbidden`."""
        return self._urls.ticket(text, method, self._clock.now())

    async def check(self) -> str:
        """Whether the directory can be used, or created by the first write: looking creates nothing."""
        await in_thread(self._check)
        return str(self._root)

    def _check(self) -> None:
        nearest = next(path for path in (self._root, *self._root.parents) if path.exists())
        if not nearest.is_dir() or not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable("The file storage cannot be used.", reason=f"This user may not write to the directory {nearest}.")

    async def close(self) -> None:
        """Nothing is open between calls."""

    async def _write(self, path: Path, description: Description, content: AsyncIterable[bytes]) -> tuple[StoredObject, str]:
        """Write a content to a new file. Return what it is once it has been published, and its SHA-256."""
        file = await in_thread(self._uploads.create, path, description)
        digest, block = sha256_of(), bytearray()

        def written() -> None:
            digest.update(block)
            write(file, block)

        try:
            async for chunk in content:
                block += chunk
                if len(block) >= BLOCK:
                    await in_thread(written)
                    block = bytearray()
            await in_thread(written)
            await in_thread(os.fsync, file.fileno())
            return _object(description.key, await in_thread(of_file, file, description)), digest.hexdigest()
        finally:
            file.close()

    def _copy(self, source: str, target: str, if_match: str | None) -> StoredObject:
        """Contents never change, so the copy is another name of the file, with a new time."""
        path = self._uploads.new()
        make_directory(path.parent)
        try:
            os.link(self._objects.path(source), path)
            found = described(path)
            if found is None or if_match not in (None, found.etag):
                raise ObjectChanged(source)
            os.utime(path)
            self._objects.publish(path, target)
        except FileNotFoundError:
            raise NotFound("object", source) from None
        finally:
            path.unlink(missing_ok=True)
        return self._head(target)

    def _listed(self, prefix: str) -> Iterator[StoredObject]:
        for key in self._objects.keys(prefix):
            with suppress(NotFound):
                yield self._head(key)

    def _head(self, key: str) -> StoredObject:
        found = self._opened(key)
        found.file.close()
        return _object(key, found)

    def _opened(self, key: str) -> OpenFile:
        found = opened(self._objects.path(key))
        if found is None:
            raise NotFound("object", key)
        return found

    def _description(self, key: str, content_type: str) -> Description:
        return Description(
            key=checked_key(key),
            etag=token_hex(16),
            content_type=checked_content_type(content_type),
            begun_at=self._clock.now().timestamp(),
        )

    def _expiry(self, lifetime: timedelta) -> int:
        return int((self._clock.now() + lifetime).timestamp())


def _object(key: str, found: OpenFile) -> StoredObject:
    return StoredObject(
        key=key,
        size=found.size,
        etag=found.description.etag,
        modified_at=datetime.fromtimestamp(found.modified_at, UTC),
        content_type=found.description.content_type,
    )


def _replace(path: Path, target: Path) -> None:
    path.replace(target)
    flush_directory(target.parent)
