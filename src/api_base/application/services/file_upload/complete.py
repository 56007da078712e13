"""Complete an upload and check its bytes: exactly those that are served later, at a key that no client can write."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from api_base.application.common.cqrs import Bus, Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.application.services.file_upload.keys import object_key
from api_base.application.services.file_upload.limits import INLINE_BYTES
from api_base.application.services.file_upload.outcome import CheckFile, EndUpload, Outcome, PublishFile, RecordScan, RefuseFile
from api_base.core.errors import NotFound, ObjectChanged, Unavailable
from api_base.core.errors.content import ContentRefused
from api_base.core.protocols import (
    ContentInspector,
    IdGenerator,
    Isolation,
    ObjectStorage,
    Scanner,
    ScanResult,
    ScanVerdict,
    StoredObject,
)
from api_base.core.types import request_user
from api_base.domain.files.entities import File
from api_base.domain.files.errors import UploadIncomplete
from api_base.domain.files.repository import FileRepository, Uploads
from api_base.domain.files.upload import Upload
from api_base.domain.files.value_objects import UNKNOWN_TYPE, FileFacts, FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteUpload(Command[FileDTO]):
    """The upload has all its bytes. A small file is checked before the answer, a large one by a job."""

    permission = permissions.CREATE
    isolation = Isolation.NONE
    id: UUID


class CompleteUploadHandler:
    def __init__(self, bus: Bus, files: FileRepository, uploads: Uploads, storage: ObjectStorage) -> None:
        self._bus, self._files, self._uploads, self._storage = bus, files, uploads, storage

    async def handle(self, command: CompleteUpload) -> FileDTO:
        """Return the file, which may be pending or refused. Raises `NotFound`, `UploadIncomplete`, `UploadExpired`."""
        upload = await self._uploads.get(command.id)
        if upload is not None:
            if upload.direct and not upload.complete and upload.owner_id == request_user():
                await self._refuse_incomplete(upload)
            upload = await self._bus.execute(EndUpload(id=command.id))
            if (upload.length or 0) <= INLINE_BYTES:
                with suppress(Unavailable):
                    checked = await self._bus.execute(CheckFile(id=command.id))
                    if checked is not None:
                        return checked
        file = await self._files.get(command.id)
        if file is None or file.owner_id != request_user():
            raise NotFound("upload", command.id)
        return FileDTO.of(file)

    async def _refuse_incomplete(self, upload: Upload) -> None:
        try:
            found = (await self._storage.head(upload.object_key)).size
        except NotFound:
            raise UploadIncomplete(0, upload.length) from None
        if found != upload.length:
            raise UploadIncomplete(found, upload.length)


class CheckFileHandler:
    """`isolation` of its command is NONE: it may run twice, also simultaneously. Each run has an object of its own, or the same unchanged one."""

    def __init__(
        self,
        bus: Bus,
        files: FileRepository,
        uploads: Uploads,
        storage: ObjectStorage,
        inspector: ContentInspector,
        scanner: Scanner,
        ids: IdGenerator,
    ) -> None:
        self._bus, self._files, self._uploads, self._storage = bus, files, uploads, storage
        self._inspector, self._scanner, self._ids = inspector, scanner, ids

    async def handle(self, command: CheckFile) -> FileDTO | None:
        """Return the file, None for one that was deleted. Raises `Unavailable` if it cannot be checked now: it stays pending.

        A file whose bytes are not found is tried again until its upload expires: a storage that was restored may have them later.
        """
        file, upload = await self._files.get(command.id), await self._uploads.get(command.id)
        if file is None:
            return None
        try:
            if file.state is FileState.PENDING:
                if upload is None or not upload.complete:
                    return FileDTO.of(file)
                outcome = await self._checked(file, upload)
                if outcome.file.state is FileState.REFUSED:
                    return outcome.file
            outcome = await self._bus.execute(PublishFile(id=command.id))
        except (NotFound, ObjectChanged) as error:  # of the file that was deleted, or of an object that another check has moved
            file = await self._files.get(command.id)
            if file is not None and not file.checked:
                raise Unavailable("The content could not be read. The file stays pending, and is checked later.", reason=error) from error
            return None if file is None else FileDTO.of(file)
        await self._storage.delete(outcome.discarded)
        return outcome.file

    async def _checked(self, file: File, upload: Upload) -> Outcome:
        stored = None
        try:
            stored = await self._assembled(upload)
            facts = await self._facts(stored, file, upload)
        except ContentRefused as error:
            outcome = await self._bus.execute(RefuseFile(id=file.id, reason=error.message))
            if upload.direct and stored is not None:
                outcome = Outcome(file=outcome.file, discarded=[*outcome.discarded, stored.key])
        except BaseException:
            if upload.direct and stored is not None:
                await self._storage.delete([stored.key])
            raise
        else:  # an error here may come after the commit, so the object stays: if no row has it, it is an orphan
            outcome = await self._bus.execute(RecordScan(id=file.id, facts=facts, object_key=stored.key))
        if upload.direct or outcome.file.state is FileState.REFUSED:
            await self._storage.delete(outcome.discarded)
        return outcome

    async def _assembled(self, upload: Upload) -> StoredObject:
        """Return the object with all bytes. No client can write to it: a ticket is for another key. Raises `ContentRefused`."""
        if upload.direct:
            return await self._storage.copy(upload.object_key, object_key(upload.tenant_id, self._ids.new()))
        if upload.storage_upload is None:
            if upload.tail_key is not None:  # a complete upload without parts has all its bytes there
                return await self._storage.head(upload.tail_key)
            return await self._storage.put(upload.object_key, _nothing(), content_type=UNKNOWN_TYPE)
        try:
            return await self._storage.complete_parts(upload.object_key, upload.storage_upload, await self._uploads.parts(upload.id))
        except (NotFound, ObjectChanged) as error:  # a run before this one completed it
            try:
                return await self._storage.head(upload.object_key)
            except NotFound:
                if isinstance(error, NotFound) or await self._uploads.get(upload.id) is None:
                    raise
                raise ContentRefused("lost", "The storage has lost a part of the content. Upload it again.") from error

    async def _facts(self, stored: StoredObject, file: File, upload: Upload) -> FileFacts:
        """Raises `ContentRefused`, `Unavailable`."""
        if stored.size != upload.length:
            raise ContentRefused("size", f"The content has {stored.size} bytes instead of {upload.length}.")
        digest = sha256()

        async def hashed() -> AsyncIterator[bytes]:
            async for chunk in self._storage.read(stored.key, if_match=stored.etag):
                digest.update(chunk)
                yield chunk

        found = await self._inspector.inspect(hashed(), declared=file.declared_type)
        if upload.sha256 is not None and digest.hexdigest() != upload.sha256:
            raise ContentRefused("checksum", f"The content has the SHA-256 {digest.hexdigest()} instead of {upload.sha256}.")
        scanned = clean(await self._scanner.scan(self._storage.read(stored.key, if_match=stored.etag)))
        return FileFacts(
            size=stored.size,
            sha256=digest.hexdigest(),
            media_type=found.media_type,
            width=found.width,
            height=found.height,
            engine="" if scanned.version is None else scanned.version.engine,
            signatures="" if scanned.version is None else scanned.version.signatures,
        )


async def _nothing() -> AsyncIterator[bytes]:
    """The content of an upload of no bytes that was completed without a request that has a body."""
    yield b""


def clean(result: ScanResult) -> ScanResult:
    """Return a result that lets the content through. Raises `ContentRefused` for malware, `Unavailable` if nothing is known about it."""
    if result.verdict is ScanVerdict.FOUND:
        raise ContentRefused("malware", f"The content is malware: {result.signature}.")
    if result.verdict in (ScanVerdict.UNAVAILABLE, ScanVerdict.TOO_LARGE):
        raise Unavailable("The file could not be scanned for malware. It stays pending, and is scanned later.", reason=result.reason)
    return result
