"""Remove a file with everything that belongs to it: by its owner, by a caller who may delete files, or because its upload expired."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.keys import thumbnails_of
from api_base.application.services.file_upload.progress import own_upload
from api_base.core.errors import NotFound
from api_base.core.protocols import Isolation, ObjectStorage
from api_base.core.types import request_tenant
from api_base.domain.files.entities import File
from api_base.domain.files.repository import FileRepository, StoredObjects, Uploads, Usage
from api_base.domain.files.upload import Upload
from api_base.domain.files.value_objects import FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a file holds: `keys` of objects that no other file needs, `bytes` of the quota, `unfinished` in the storage (key and upload)."""

    keys: Sequence[str]
    bytes: int
    unfinished: tuple[str, str] | None = None


async def held_objects(file: File, upload: Upload | None, objects: StoredObjects) -> Held:
    """Release the objects of a file that ends in this transaction."""
    keys: list[str] = []
    if file.object_key is not None and (file.state is not FileState.READY or await objects.release(file.object_key)):
        keys.append(file.object_key)
    if upload is None:
        return Held(keys=keys, bytes=0 if file.facts is None else file.facts.size)
    keys += (key for key in (upload.object_key, upload.tail_key) if key is not None and key not in keys)
    unfinished = None if upload.storage_upload is None else (upload.object_key, upload.storage_upload)
    return Held(keys=keys, bytes=upload.reserved_bytes, unfinished=unfinished)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFile(Command[Held]):
    """Internal: no route sends it. `unfinished`: only while its upload is neither published nor refused. `refused`: only if it is refused."""

    permission = PUBLIC
    id: UUID
    expected_version: int | None
    unfinished: bool = False
    refused: bool = False


class RemoveFileHandler:
    def __init__(self, files: FileRepository, uploads: Uploads, objects: StoredObjects, usage: Usage) -> None:
        self._files, self._uploads, self._objects, self._usage = files, uploads, objects, usage

    async def handle(self, command: RemoveFile) -> Held:
        """Raises `NotFound`, `StaleVersion`; the commit raises `FileIsAttached`."""
        file = await load(self._files, "file", command.id, command.expected_version)
        upload = await self._uploads.get(command.id)
        if upload is None and command.unfinished:
            raise NotFound("upload", command.id)
        if command.refused and file.state is not FileState.REFUSED:
            raise NotFound("file", command.id)
        held = await held_objects(file, upload, self._objects)
        if file.state is not FileState.REFUSED:
            await self._usage.reserve(-held.bytes, -1)
        if upload is not None:
            await self._uploads.remove(upload.id)
        file.delete()
        await self._files.remove(file)
        return held


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFile(Command[None]):
    permission = permissions.DELETE
    isolation = Isolation.NONE
    id: UUID
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateUpload(Command[None]):
    """End an upload that the caller began and that is neither published nor refused."""

    permission = permissions.CREATE
    isolation = Isolation.NONE
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireUpload(Command[None]):
    """Internal: no route sends it."""

    permission = PUBLIC
    isolation = Isolation.NONE
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRefused(Command[None]):
    """Internal: no route sends it."""

    permission = PUBLIC
    isolation = Isolation.NONE
    id: UUID


class RemovalHandler:
    """The handler of all four. The objects go after the commit; what a killed process leaves behind is collected by maintenance.py."""

    def __init__(self, bus: Bus, uploads: Uploads, storage: ObjectStorage) -> None:
        self._bus, self._uploads, self._storage = bus, uploads, storage

    async def handle(self, command: DeleteFile | TerminateUpload | ExpireUpload | RemoveRefused) -> None:
        """Raises `NotFound`, `StaleVersion`, `FileIsAttached`."""
        tenant = request_tenant()
        if isinstance(command, TerminateUpload):
            await own_upload(self._uploads, command.id)
        expected = command.expected_version if isinstance(command, DeleteFile) else None
        unfinished = isinstance(command, TerminateUpload | ExpireUpload)
        remove = RemoveFile(id=command.id, expected_version=expected, unfinished=unfinished, refused=isinstance(command, RemoveRefused))
        held = await self._bus.execute(remove)
        thumbnails = [stored.key async for stored in self._storage.list(thumbnails_of(tenant, command.id))]
        await self._storage.delete([*held.keys, *thumbnails])
        if held.unfinished is not None:
            await self._storage.abort_parts(*held.unfinished)
