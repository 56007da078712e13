"""Queries of files. Their handlers are adapters: infrastructure/files/queries.py."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.common.listing import EQUALITY, ORDER, TEXT, UNINDEXED, Field, Fields, ListRequest, Page, Sort
from api_base.application.files import permissions
from api_base.application.files.dtos import FileDTO
from api_base.core.errors import NotFound
from api_base.core.protocols import ObjectStorage
from api_base.domain.common.specification import ComparisonOperator
from api_base.domain.files.repository import FileRepository
from api_base.domain.files.value_objects import FileState

_TIME_SCANS: Final = UNINDEXED | {ComparisonOperator.IN}
FILE_FIELDS: Final = Fields(
    Field(name="name", kind=str, operators=TEXT, sortable=True),
    Field(name="state", kind=str, operators=EQUALITY, choices=tuple(state.value for state in FileState)),
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True, scan=_TIME_SCANS),
    default_sort=(Sort(field="created_at", descending=True),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFile(Query[FileDTO]):
    permission = permissions.READ
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFiles(Query[Page[FileDTO]]):
    """The tenant's files: filtered, sorted, in pages."""

    permission = permissions.READ
    request: ListRequest


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
