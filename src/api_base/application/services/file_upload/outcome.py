"""The short transactions that end an upload: complete, scanned, published, refused. Internal: no route sends them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.application.services.file_upload.limits import INLINE_BYTES, INLINE_CHECK
from api_base.application.services.file_upload.progress import own_upload
from api_base.application.services.file_upload.removal import held_objects
from api_base.core.protocols import NO_DELAY, Clock, Isolation, JobQueue
from api_base.domain.files.entities import File
from api_base.domain.files.repository import FileRepository, StoredObjects, Uploads, Usage
from api_base.domain.files.upload import Upload
from api_base.domain.files.value_objects import FileFacts, FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFile(Command[FileDTO | None]):
    """Check the bytes of a complete upload, and publish or refuse the file: complete.py has the handler.

    Internal: no route sends it. Whether the user may create files was decided when the upload was completed.
    """

    permission = PUBLIC
    isolation = Isolation.NONE
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUpload(Command[Upload]):
    """Take no more bytes, and enqueue the check: once committed, it happens even if this process is killed."""

    permission = permissions.CREATE
    id: UUID


class EndUploadHandler:
    def __init__(self, uploads: Uploads, jobs: JobQueue, clock: Clock) -> None:
        self._uploads, self._jobs, self._clock = uploads, jobs, clock

    async def handle(self, command: EndUpload) -> Upload:
        """Raises `NotFound`, `UploadIncomplete`, `UploadExpired`."""
        upload = await own_upload(self._uploads, command.id)
        if not upload.complete:
            upload = upload.completed(self._clock.now())
            await self._uploads.save(upload)
            delay = INLINE_CHECK if (upload.length or 0) <= INLINE_BYTES else NO_DELAY
            await self._jobs.enqueue(CheckFile(id=command.id), unique=str(command.id), delay=delay)
        return upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`discarded` are the keys of objects that nothing refers to since the commit."""

    file: FileDTO
    discarded: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordScan(Command[Outcome]):
    """The bytes at `object_key` are checked, and nothing speaks against them."""

    permission = PUBLIC
    id: UUID
    facts: FileFacts
    object_key: str


class RecordScanHandler:
    def __init__(self, files: FileRepository, clock: Clock) -> None:
        self._files, self._clock = files, clock

    async def handle(self, command: RecordScan) -> Outcome:
        """Raises `NotFound`. The object is discarded if another check was faster."""
        file = await load(self._files, "file", command.id, None)
        if not file.checked:
            file.scanned(command.facts, command.object_key, self._clock.now())
            await self._files.update(file)
        return Outcome(file=FileDTO.of(file), discarded=() if file.object_key == command.object_key else (command.object_key,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishFile(Command[Outcome]):
    """Let a scanned file be read. Equal bytes of the tenant are stored once."""

    permission = PUBLIC
    id: UUID


class PublishFileHandler:
    """`after` is called in the transaction that publishes a file."""

    def __init__(
        self,
        files: FileRepository,
        uploads: Uploads,
        objects: StoredObjects,
        usage: Usage,
        clock: Clock,
        after: Callable[[File], Awaitable[object]],
    ) -> None:
        self._files, self._uploads, self._objects, self._usage, self._clock = files, uploads, objects, usage, clock
        self._after = after

    async def handle(self, command: PublishFile) -> Outcome:
        """Raises `NotFound`. Does nothing to a file that is not scanned, or that is published."""
        file, upload = await load(self._files, "file", command.id, None), await self._uploads.get(command.id)
        discarded: list[str] = []
        if file.state is FileState.SCANNED and file.facts is not None and file.object_key is not None:
            mine = file.object_key
            shared = await self._objects.share(mine, file.facts.sha256, file.facts.size)
            if file.publish(shared, self._clock.now()):
                await self._files.update(file)
                await self._after(file)
            if shared != mine:
                discarded.append(mine)
            if upload is not None:
                await self._usage.reserve(file.facts.size - upload.reserved_bytes, 0)
                await self._uploads.remove(upload.id)
                discarded += (key for key in (upload.object_key, upload.tail_key) if key is not None and key not in (mine, shared))
        return Outcome(file=FileDTO.of(file), discarded=discarded)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseFile(Command[Outcome]):
    permission = PUBLIC
    id: UUID
    reason: str


class RefuseFileHandler:
    def __init__(self, files: FileRepository, uploads: Uploads, objects: StoredObjects, usage: Usage, clock: Clock) -> None:
        self._files, self._uploads, self._objects, self._usage, self._clock = files, uploads, objects, usage, clock

    async def handle(self, command: RefuseFile) -> Outcome:
        """Raises `NotFound`."""
        file, upload = await load(self._files, "file", command.id, None), await self._uploads.get(command.id)
        held = await held_objects(file, upload, self._objects)
        if file.refuse(command.reason, self._clock.now()):
            await self._files.update(file)
            await self._usage.reserve(-held.bytes, -1)
        if upload is not None:
            await self._uploads.remove(upload.id)
        return Outcome(file=FileDTO.of(file), discarded=held.keys)
