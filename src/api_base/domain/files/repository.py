"""Where files, their uploads and the tenant's usage are stored."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository, Part
from api_base.domain.files.attachment import Attachment
from api_base.domain.files.entities import File
from api_base.domain.files.upload import Upload


class FileRepository(AsyncRepository[File, UUID], Protocol):
    async def remove(self, entity: File) -> None:
        """Delete the file when the unit of work ends, which raises `FileIsAttached` if it is attached."""
        ...


class Uploads(Protocol):
    """The uploads of the request's tenant. They are no aggregates: each change of a row is guarded by its revision."""

    async def get(self, id: UUID) -> Upload | None: ...

    async def parts(self, id: UUID) -> Sequence[Part]:
        """The committed parts in the order of their numbers."""
        ...

    async def add(self, upload: Upload) -> None:
        """Raises `NoTransaction` outside a unit of work, as do the others that write."""
        ...

    async def save(self, upload: Upload) -> None:
        """Save a changed upload with its new parts. Raises `Transient` if the row has changed since it was read."""
        ...

    async def remove(self, id: UUID) -> None: ...


class StoredObjects(Protocol):
    """The objects in the storage with the bytes of the tenant's files: equal bytes are stored once in a tenant."""

    async def share(self, key: str, sha256: str, size: int) -> str:
        """Count one more file with these bytes. Returns the key of the object that has them: `key`, unless they are stored already."""
        ...

    async def release(self, key: str) -> bool:
        """Count one file less. Returns whether no file has the object any longer: it is then to be deleted after the commit."""
        ...


class Usage(Protocol):
    """What the tenant stores, uploads included."""

    async def reserve(self, bytes: int, files: int) -> None:
        """Raises `QuotaExceeded`. Negative numbers release."""
        ...


class AttachmentRepository(AsyncRepository[Attachment, UUID], Protocol):
    async def of(self, kind: str, entity_id: UUID, slot: str) -> Attachment | None:
        """The attachment in this slot."""
        ...

    async def remove(self, entity: Attachment) -> None: ...
