"""Write the bytes of one request to an upload, in parts of bounded size."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha1, sha256
from typing import Final, Protocol
from uuid import UUID

from api_base.application.common.cqrs import Bus, Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.begin import upload_dto
from api_base.application.services.file_upload.dtos import UploadDTO
from api_base.application.services.file_upload.keys import object_key
from api_base.application.services.file_upload.limits import Streams, UploadLimits
from api_base.application.services.file_upload.progress import AdvanceUpload, LeaseUpload, ReservePart
from api_base.core.errors import ApiBaseError, ChecksumMismatch
from api_base.core.protocols import Clock, IdGenerator, Isolation, ObjectStorage, Part
from api_base.domain.files.errors import FileTooLarge, LengthMismatch
from api_base.domain.files.upload import LEASE, Upload
from api_base.domain.files.value_objects import UNKNOWN_TYPE

RENEW_AFTER: Final = LEASE / 4


class Content(Protocol):
    """The bytes of a request. Iterating raises an `ApiBaseError` if the client stops before the end: what came before counts."""

    @property
    def size(self) -> int | None:
        """The size in bytes that the client declares; None if it does not."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Hash(Protocol):
    """What hashlib makes."""

    def update(self, content: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


ALGORITHMS: Final[Mapping[str, Callable[[], Hash]]] = {
    "sha1": partial(sha1, usedforsecurity=False),
    "sha256": sha256,
}
"""Checksums of one request: against damage on the way, not against an attacker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """`algorithm` is one of `ALGORITHMS`."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendToUpload(Command[UploadDTO]):
    """Continue at `offset`. `length` declares the length of the whole, `last` that the content ends with this request.

    With a `checksum`, either all bytes of the request are kept or none.
    """

    permission = permissions.CREATE
    isolation = Isolation.NONE
    id: UUID
    offset: int
    content: Content = field(repr=False)
    length: int | None = None
    last: bool = False
    checksum: Checksum | None = None


class AppendToUploadHandler:
    def __init__(self, bus: Bus, storage: ObjectStorage, ids: IdGenerator, clock: Clock, limits: UploadLimits, streams: Streams) -> None:
        self._bus, self._storage, self._ids, self._clock, self._limits = bus, storage, ids, clock, limits
        self._streams = streams

    async def handle(self, command: AppendToUpload) -> UploadDTO:
        """Raises what the commands in progress.py raise, `ChecksumMismatch`, what `Streams` raises, and what the content raises."""
        length, size = command.length, command.content.size
        if length is None and command.last and size is not None:
            length = command.offset + size
        with self._streams.one():
            token = self._ids.new()
            upload = await self._bus.execute(LeaseUpload(id=command.id, token=token, offset=command.offset, length=length))
            writer = _PartWriter(upload, token, self._bus, self._storage, self._ids, self._clock, self._limits.max_bytes, command.checksum)
            try:
                await writer.open()
                async for chunk in command.content:
                    await writer.write(chunk)
                return upload_dto(await writer.close(last=command.last))
            except ApiBaseError:
                await writer.give_up()
                raise


class _Chunks:
    """Bytes in memory, to be iterated as often as needed."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class _PartWriter:
    """Holds at most one part in memory. With a checksum nothing is committed before `close`."""

    def __init__(
        self,
        upload: Upload,
        token: UUID,
        bus: Bus,
        storage: ObjectStorage,
        ids: IdGenerator,
        clock: Clock,
        max_bytes: int,
        checksum: Checksum | None,
    ) -> None:
        self._upload, self._token, self._bus, self._storage, self._ids, self._clock = upload, token, bus, storage, ids, clock
        self._max_bytes, self._checksum = max_bytes, checksum
        self._part_bytes = upload.part_bytes(max_bytes, storage.minimum_part)
        self._hash = None if checksum is None else ALGORITHMS[checksum.algorithm]()
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._began = self._end = upload.offset
        self._parts: list[Part] = []
        """Stored and not committed."""
        self._tail, self._renewed = upload.tail_key, clock.now()

    async def open(self) -> None:
        """Read the tail, which begins the next part."""
        if self._tail is not None:
            async for chunk in self._storage.read(self._tail):
                self._keep(chunk)

    async def write(self, chunk: bytes) -> None:
        """Raises `LengthMismatch`, `FileTooLarge`, and `UploadLocked` once another writer has taken over."""
        end, length = self._end + len(chunk), self._upload.length
        if length is not None and end > length:
            raise LengthMismatch(f"The upload is {length} bytes long; the request has more.")
        if end > self._max_bytes:
            raise FileTooLarge(self._max_bytes)
        self._end = end
        if self._hash is not None:
            self._hash.update(chunk)
        self._keep(chunk)
        while self._size > self._part_bytes:
            await self._put_part(self._part_bytes)
            if self._checksum is None:
                await self._commit(None, 0)
        if self._clock.now() - self._renewed > RENEW_AFTER:
            await self._advance(AdvanceUpload(id=self._upload.id, token=self._token))

    async def close(self, *, last: bool) -> Upload:
        """Store the rest, commit everything and give the lease back. Raises `ChecksumMismatch`, `LengthMismatch`."""
        if self._checksum is not None and self._hash is not None and self._hash.digest() != self._checksum.digest:
            raise ChecksumMismatch(f"the {self._checksum.algorithm} {self._checksum.digest.hex()}", self._hash.digest().hex())
        if last and self._upload.length not in (None, self._end):  # before a part is stored that is too small for any but the last
            raise LengthMismatch(f"The upload is {self._upload.length} bytes long; its content ends after {self._end}.")
        final = last or self._end == self._upload.length
        if final and self._upload.storage_upload is not None:
            while self._size > 0:
                await self._put_part(min(self._size, self._part_bytes))
            return await self._commit(None, 0, last=last, release=True)
        if self._end > self._began or (final and self._tail is None):
            key = object_key(self._upload.tenant_id, self._ids.new())
            await self._storage.put(key, _Chunks([*self._chunks]), content_type=UNKNOWN_TYPE)
            return await self._commit(key, self._size, last=last, release=True)
        return await self._advance(AdvanceUpload(id=self._upload.id, token=self._token, length=self._length(last), release=True))

    async def give_up(self) -> None:
        """Keep what arrived, unless its checksum is not known, and give the lease back. The client asks for the offset, so no error is raised."""
        with suppress(ApiBaseError):
            if self._checksum is None:
                await self.close(last=False)
            else:
                await self._advance(AdvanceUpload(id=self._upload.id, token=self._token, release=True))

    def _keep(self, chunk: bytes) -> None:
        if chunk:
            self._chunks.append(chunk)
            self._size += len(chunk)

    def _length(self, last: bool) -> int | None:
        return self._end if last else None

    def _take(self, size: int) -> list[bytes]:
        """Remove the first `size` bytes from those that are held, and return them."""
        taken: list[bytes] = []
        self._size -= size
        while size > 0:
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            taken.append(chunk)
            size -= len(chunk)
        return taken

    async def _put_part(self, size: int) -> None:
        """Store the first `size` bytes under a number that no other writer has."""
        upload, storage_upload = self._upload, self._upload.storage_upload
        if storage_upload is None:
            storage_upload = await self._storage.begin_parts(upload.object_key, content_type=UNKNOWN_TYPE)
        self._upload = await self._bus.execute(ReservePart(id=upload.id, token=self._token, storage_upload=storage_upload))
        taken = self._take(size)
        try:
            part = await self._storage.put_part(upload.object_key, storage_upload, self._upload.next_part - 1, _Chunks(taken), size)
        except BaseException:
            self._chunks.extendleft(reversed(taken))
            self._size += size
            raise
        self._parts.append(part)

    async def _commit(self, tail_key: str | None, tail_size: int, *, last: bool = False, release: bool = False) -> Upload:
        """Commit the stored parts and the tail that follows them. The tail before is in the parts, or in the new tail."""
        await self._advance(
            AdvanceUpload(
                id=self._upload.id,
                token=self._token,
                parts=tuple(self._parts),
                tail_key=tail_key,
                tail_size=tail_size,
                length=self._length(last),
                release=release,
            )
        )
        self._parts = []
        if self._tail is not None and self._tail != tail_key:
            await self._storage.delete([self._tail])
        self._tail = tail_key
        return self._upload

    async def _advance(self, command: AdvanceUpload) -> Upload:
        self._upload, self._renewed = await self._bus.execute(command), self._clock.now()
        return self._upload
