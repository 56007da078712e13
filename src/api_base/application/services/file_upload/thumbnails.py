"""Small pictures of images, made by a job once the image is published."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Bus, Command, Query
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.content import FileContent, OpenFile, OpenFileHandler
from api_base.application.services.file_upload.keys import thumbnail_key
from api_base.core.errors import NotFound
from api_base.core.errors.content import ContentRefused
from api_base.core.protocols import Isolation, ObjectStorage, Thumbnailer
from api_base.core.types import request_tenant
from api_base.domain.files.errors import FileNotReady

SIDES: Final = (64, 256, 1024)
"""Pixels of the longer side at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeThumbnails(Command[int]):
    """Returns how many were made. Internal: no route sends it."""

    permission = PUBLIC
    isolation = Isolation.NONE
    id: UUID


class MakeThumbnailsHandler:
    def __init__(self, files: OpenFileHandler, storage: ObjectStorage, thumbnailer: Thumbnailer) -> None:
        self._files, self._storage, self._thumbnailer = files, storage, thumbnailer

    async def handle(self, command: MakeThumbnails) -> int:
        """Raises `Unavailable`. An image that cannot be decoded has no thumbnails, nor has one that was refused or deleted since."""
        try:
            content = await self._files.open(command.id)
            for side in SIDES:
                await self._make(content, command.id, side)
        except (ContentRefused, FileNotReady, NotFound):
            return 0
        return len(SIDES)

    async def _make(self, content: FileContent, id: UUID, side: int) -> None:
        made = await self._thumbnailer.thumbnail(content.read(), max_side=side)

        async def picture() -> AsyncIterator[bytes]:
            yield made.data

        await self._storage.put(thumbnail_key(request_tenant(), id, side), picture(), content_type=made.media_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThumbnailContent:
    """A thumbnail in memory."""

    media_type: str
    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenThumbnail(Query[ThumbnailContent]):
    """There is one for each of `SIDES`."""

    permission = permissions.READ
    id: UUID
    side: int


class OpenThumbnailHandler:
    def __init__(self, bus: Bus, storage: ObjectStorage) -> None:
        self._bus, self._storage = bus, storage

    async def handle(self, query: OpenThumbnail) -> ThumbnailContent:
        """Raises `NotFound` without a file or before the thumbnail is made, `FileNotReady`."""
        content = await self._bus.execute(OpenFile(id=query.id))
        if query.side not in SIDES:
            raise NotFound("thumbnail", f"{query.id}/{query.side}")
        key = thumbnail_key(request_tenant(), query.id, query.side)
        try:
            stored = await self._storage.head(key)
            found = b"".join([chunk async for chunk in self._storage.read(key, if_match=stored.etag)])
        except NotFound:
            raise NotFound("thumbnail", f"{query.id}/{query.side}") from None
        return ThumbnailContent(media_type=stored.content_type, content=found, sha256=f"{content.sha256}-{query.side}")
