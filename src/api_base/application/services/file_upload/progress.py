"""The short transactions of an upload: take the lease, reserve a part number, commit what is stored. Internal: no route sends them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.limits import UploadLimits
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, Part
from api_base.core.types import request_user
from api_base.domain.files.repository import Uploads, Usage
from api_base.domain.files.upload import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseUpload(Command[Upload]):
    """Let `token` write from `offset` on. `length` None leaves the length as it is."""

    permission = permissions.CREATE
    id: UUID
    token: UUID
    offset: int
    length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservePart(Command[Upload]):
    """Reserve the number of the next part, and renew the lease. `storage_upload` is the upload that the holder began in the storage."""

    permission = permissions.CREATE
    id: UUID
    token: UUID
    storage_upload: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceUpload(Command[Upload]):
    """Commit what the holder has stored, and renew the lease, or give it back (`release`). Without `tail_size` nothing was stored.

    `length` declares the length of the whole.
    """

    permission = permissions.CREATE
    id: UUID
    token: UUID
    parts: Sequence[Part] = ()
    tail_key: str | None = None
    tail_size: int | None = None
    length: int | None = None
    release: bool = False


class UploadProgressHandler:
    """The handler of all three."""

    def __init__(self, uploads: Uploads, usage: Usage, clock: Clock, limits: UploadLimits) -> None:
        self._uploads, self._usage, self._clock, self._limits = uploads, usage, clock, limits

    async def handle(self, command: LeaseUpload | ReservePart | AdvanceUpload) -> Upload:
        """Raises `NotFound`, `UploadExpired`, `UploadComplete`, `UploadLocked`, `OffsetMismatch`, `LengthMismatch`, `FileTooLarge`,
        `QuotaExceeded`."""
        now, upload = self._clock.now(), await own_upload(self._uploads, command.id)
        match command:
            case LeaseUpload():
                upload = upload.leased(command.token, command.offset, now)
                if command.length is not None:
                    upload = upload.with_length(command.length, self._limits.max_bytes)
            case ReservePart():
                upload = replace(upload.renewed(command.token, now).with_next_part(), storage_upload=command.storage_upload)
            case AdvanceUpload():
                upload = upload.renewed(command.token, now)
                if command.parts or command.tail_size is not None:
                    upload = upload.advanced(command.parts, command.tail_key, command.tail_size or 0)
                if command.length is not None:
                    upload = upload.with_length(command.length, self._limits.max_bytes)
                if command.release:
                    upload = upload.released()
        self._limits.check(upload.offset)
        missing = max(upload.offset, upload.length or 0) - upload.reserved_bytes
        if missing > 0:
            await self._usage.reserve(missing, 0)
            upload = replace(upload, reserved_bytes=upload.reserved_bytes + missing)
        await self._uploads.save(upload)
        return upload


async def own_upload(uploads: Uploads, id: UUID) -> Upload:
    """Return the upload if the caller began it. Raises `NotFound`, also for one of somebody else."""
    upload = await uploads.get(id)
    if upload is None or upload.owner_id != request_user():
        raise NotFound("upload", id)
    return upload
