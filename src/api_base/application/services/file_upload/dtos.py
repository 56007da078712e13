"""What the outside sees of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api_base.domain.files.entities import File
from api_base.domain.files.value_objects import FileState


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDTO:
    """`media_type`, `size` in bytes, `sha256` in hex, and `width` and `height` in pixels are what was found in the content: null before."""

    id: UUID
    name: str
    state: FileState
    reason: str | None
    declared_type: str
    media_type: str | None
    size: int | None
    sha256: str | None
    width: int | None
    height: int | None
    owner_id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, file: File) -> "FileDTO":
        facts = file.facts
        return cls(
            id=file.id,
            name=file.name,
            state=file.state,
            reason=file.reason,
            declared_type=file.declared_type,
            media_type=None if facts is None else facts.media_type,
            size=None if facts is None else facts.size,
            sha256=None if facts is None else facts.sha256,
            width=None if facts is None else facts.width,
            height=None if facts is None else facts.height,
            owner_id=file.owner_id,
            version=file.version,
            created_at=file.created_at,
            updated_at=file.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDTO:
    """Send the content by this request to the storage, then POST to `/files/{id}/complete`.

    A PUT carries exactly `headers`; a POST is a form with `fields`, and the content as its last field, `file`.
    """

    id: UUID
    method: str
    url: str
    headers: Mapping[str, str]
    fields: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimitsDTO:
    """What one file may have, and how long an upload may take."""

    max_bytes: int
    lifetime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDTO:
    """How far an upload is. `offset` and `length` are in bytes; `length` is null until the client says it."""

    id: UUID
    offset: int
    length: int | None
    complete: bool
    expires_at: datetime | None
    metadata: str = ""
