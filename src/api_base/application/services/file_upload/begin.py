"""Begin an upload: one row for the file, one for the upload, and the quota, in one transaction."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command, Query
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.dtos import UploadDTO, UploadLimitsDTO
from api_base.application.services.file_upload.keys import incoming_key, object_key
from api_base.application.services.file_upload.limits import UploadLimits
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import request_tenant, request_user
from api_base.domain.common.file_names import file_name
from api_base.domain.files.entities import File
from api_base.domain.files.repository import FileRepository, Uploads, Usage
from api_base.domain.files.upload import Upload
from api_base.domain.files.value_objects import media_type, sha256_hex

UNNAMED: Final = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginUpload(Command[UploadDTO]):
    """`length` is in bytes, None while the client does not know it. `direct`: the client writes to the storage itself.

    `metadata` is what the client wants to read again with the offset.
    """

    permission = permissions.CREATE
    name: str = UNNAMED
    content_type: str = ""
    length: int | None = None
    sha256: str | None = None
    metadata: str = ""
    direct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUpload(Query[UploadDTO]):
    """How far an upload of the caller is."""

    permission = permissions.CREATE
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUploadLimits(Query[UploadLimitsDTO]):
    permission = PUBLIC


class GetUploadLimitsHandler:
    def __init__(self, limits: UploadLimits) -> None:
        self._limits = UploadLimitsDTO(max_bytes=limits.max_bytes, lifetime_seconds=int(limits.lifetime.total_seconds()))

    async def handle(self, query: GetUploadLimits) -> UploadLimitsDTO:
        return self._limits


class BeginUploadHandler:
    def __init__(self, files: FileRepository, uploads: Uploads, usage: Usage, ids: IdGenerator, clock: Clock, limits: UploadLimits) -> None:
        self._files, self._uploads, self._usage, self._ids, self._clock, self._limits = files, uploads, usage, ids, clock, limits

    async def handle(self, command: BeginUpload) -> UploadDTO:
        """Raises `Invalid`, `FileTooLarge`, `QuotaExceeded`."""
        tenant, owner, now, id = request_tenant(), request_user(), self._clock.now(), self._ids.new()
        length = command.length or 0
        self._limits.check(length)
        file = File.begin(
            id=id,
            tenant_id=tenant,
            owner_id=owner,
            name=file_name(command.name),
            declared_type=media_type(command.content_type),
            now=now,
        )
        upload = Upload(
            tenant_id=tenant,
            id=id,
            owner_id=owner,
            object_key=incoming_key(tenant, id) if command.direct else object_key(tenant, self._ids.new()),
            direct=command.direct,
            metadata=command.metadata,
            length=command.length,
            sha256=None if command.sha256 is None else sha256_hex(command.sha256),
            reserved_bytes=length,
            created_at=now,
            expires_at=now + self._limits.lifetime,
        )
        await self._files.create(file)
        await self._uploads.add(upload)
        await self._usage.reserve(length, 1)
        return upload_dto(upload)


def upload_dto(upload: Upload) -> UploadDTO:
    return UploadDTO(
        id=upload.id,
        offset=upload.offset,
        length=upload.length,
        complete=upload.complete,
        expires_at=upload.expires_at,
        metadata=upload.metadata,
    )
