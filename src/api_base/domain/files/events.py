"""Events of files."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBegun(DomainEvent):
    """An upload begins. The content cannot be read yet."""

    name = "files.begun.v1"
    tenant_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReady(DomainEvent):
    """The content is checked and can be read. `size` is in bytes."""

    name = "files.ready.v1"
    tenant_id: UUID
    size: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused(DomainEvent):
    name = "files.refused.v1"
    tenant_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRenamed(DomainEvent):
    name = "files.renamed.v1"
    tenant_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDeleted(DomainEvent):
    name = "files.deleted.v1"
    tenant_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAttached(DomainEvent):
    """The aggregate is the attachment. `kind` and `entity_id` name what the file belongs to, `slot` what it is there."""

    name = "files.attached.v1"
    tenant_id: UUID
    file_id: UUID
    kind: str
    entity_id: UUID
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDetached(DomainEvent):
    name = "files.detached.v1"
    tenant_id: UUID
    file_id: UUID
    kind: str
    entity_id: UUID
    slot: str
