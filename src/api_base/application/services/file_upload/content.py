"""The bytes of a file, for downloads and for other contexts, such as imports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.core.errors import NotFound
from api_base.core.protocols import ObjectStorage
from api_base.domain.files.repository import FileRepository


class FileContent:
    """The bytes of a ready file, to be read as often as needed. `size` is in bytes, `sha256` in hex."""

    def __init__(self, storage: ObjectStorage, key: str, file: FileDTO) -> None:
        self._storage, self._key, self.file = storage, key, file
        self.size, self.sha256, self.media_type = file.size or 0, file.sha256 or "", file.media_type or ""

    def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` to before `end`. Raises `NotFound` once the file is deleted."""
        return self._storage.read(self._key, start=start, end=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile(Query[FileContent]):
    """The content of a file, for downloads and for other contexts, such as imports."""

    permission = permissions.READ
    id: UUID


class OpenFileHandler:
    def __init__(self, files: FileRepository, storage: ObjectStorage) -> None:
        self._files, self._storage = files, storage

    async def handle(self, query: OpenFile) -> FileContent:
        """Raises `NotFound`, and `FileNotReady` for content that is not checked or that was refused."""
        return await self.open(query.id)

    async def open(self, id: UUID) -> FileContent:
        """The same for the worker, whose permission nobody checks."""
        file = await self._files.get(id)
        if file is None:
            raise NotFound("file", id)
        key, _ = file.content()
        return FileContent(self._storage, key, FileDTO.of(file))
