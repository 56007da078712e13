"""An upload on its way: how far it is, and who may write to it.

A writer takes a lease before it reads bytes. It writes parts under numbers that it reserves first and that nobody reserves again, and commits
them with the offset that they reach, as long as the lease is still its own. So a writer that was paused, or whose process was killed, can
overwrite nothing and commit nothing after another took over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from api_base.core.protocols import MAX_PARTS as STORAGE_PARTS
from api_base.core.protocols import Part
from api_base.core.types import TenantId, UserId
from api_base.domain.files.errors import (
    FileTooLarge,
    LengthMismatch,
    OffsetMismatch,
    PartsExhausted,
    UploadComplete,
    UploadExpired,
    UploadIncomplete,
    UploadLocked,
)

LEASE: Final = timedelta(seconds=20)
"""How long a writer that shows no sign of life keeps others away: longer than the server waits for the next part of a body."""
MAX_PARTS: Final = 9_000
"""Parts of one upload: S3 allows 10,000 numbers, and a number that was reserved in vain is lost."""
PART_BYTES: Final = 5 * 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The bytes of the file with the same `id`.

    `offset` and `length` are in bytes; `length` is None until the client says it. `sha256` is what it declared, in hex. `direct`: the client
    writes to the storage itself, at `object_key`; otherwise we do, in parts of `storage_upload`. `tail` holds the last `tail_size` bytes,
    which are too few for a part. `parts` are those of this change: the stored ones are read apart. `revision` guards the row.
    """

    tenant_id: TenantId
    id: UUID
    owner_id: UserId
    object_key: str
    storage_upload: str | None = None
    direct: bool = False
    metadata: str = ""
    offset: int = 0
    length: int | None = None
    sha256: str | None = None
    next_part: int = 1
    tail_key: str | None = None
    tail_size: int = 0
    reserved_bytes: int = 0
    complete: bool = False
    lease: UUID | None = None
    leased_until: datetime | None = None
    created_at: datetime
    expires_at: datetime
    revision: int = 0
    parts: Sequence[Part] = field(default=())

    def part_bytes(self, max_bytes: int, minimum: int) -> int:
        """The size of a part: it grows with the file, so that `MAX_PARTS` suffice. `minimum` is that of the storage."""
        return max(PART_BYTES, minimum, -(-(self.length or max_bytes) // MAX_PARTS))

    def leased(self, token: UUID, offset: int, now: datetime) -> Self:
        """Give the lease to `token`, whose client continues at `offset`.

        Raises `UploadExpired`, `UploadComplete`, `UploadLocked` while another writer holds it, `OffsetMismatch`.
        """
        self.refuse_expired(now)
        if self.complete or self.direct:
            raise UploadComplete
        if self.lease is not None and self.lease != token and self.leased_until is not None and self.leased_until > now:
            raise UploadLocked
        if offset != self.offset:
            raise OffsetMismatch(expected=self.offset, provided=offset)
        return replace(self, lease=token, leased_until=now + LEASE)

    def renewed(self, token: UUID, now: datetime) -> Self:
        """Keep the lease. Raises `UploadLocked` if it is no longer the caller's, `UploadExpired`."""
        self.refuse_expired(now)
        if self.lease != token:
            raise UploadLocked
        return replace(self, leased_until=now + LEASE)

    def with_next_part(self) -> Self:
        """Reserve a part number: it is `next_part - 1` afterwards, and no other writer gets it. Raises `PartsExhausted`."""
        if self.next_part > STORAGE_PARTS:
            raise PartsExhausted
        return replace(self, next_part=self.next_part + 1)

    def with_length(self, length: int, max_bytes: int) -> Self:
        """Declare the length. Raises `LengthMismatch` for another one than before or fewer bytes than there are, `FileTooLarge`."""
        if length > max_bytes:
            raise FileTooLarge(max_bytes)
        if (self.length is not None and length != self.length) or length < self.offset:
            raise LengthMismatch(f"The upload has {self.offset} bytes and cannot have the length {length} bytes.")
        return replace(self, length=length)

    def advanced(self, parts: Sequence[Part], tail_key: str | None, tail_size: int) -> Self:
        """Commit `parts`, which begin with the bytes of the tail before, and a new tail."""
        offset = self.offset - self.tail_size + sum(part.size for part in parts) + tail_size
        if self.length is not None and offset > self.length:
            raise LengthMismatch(f"The upload is {self.length} bytes long; the request has more.")
        return replace(self, offset=offset, tail_key=tail_key, tail_size=tail_size, parts=parts)

    def released(self) -> Self:
        """Give the lease back."""
        return replace(self, lease=None, leased_until=None)

    def completed(self, now: datetime) -> Self:
        """Take no more bytes. Raises `UploadIncomplete`, `UploadExpired`."""
        self.refuse_expired(now)
        if not self.direct and self.offset != self.length:
            raise UploadIncomplete(self.offset, self.length)
        return replace(self, complete=True, lease=None, leased_until=None)

    def refuse_expired(self, now: datetime) -> None:
        """Raises `UploadExpired`."""
        if not self.complete and self.expires_at <= now:
            raise UploadExpired(self.id)
