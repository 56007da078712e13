"""The file: a name for bytes that are checked before anybody may read them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import TenantId, UserId
from api_base.domain.common.file_names import file_name
from api_base.domain.files.errors import FileNotReady
from api_base.domain.files.events import FileBegun, FileDeleted, FileReady, FileRefused, FileRenamed
from api_base.domain.files.value_objects import FileFacts, FileState


@dataclass(slots=True, kw_only=True, eq=False)
class File(AggregateRoot):
    """Pending → scanned → ready; refused instead, or later when a scanner learns more.

    `object_key` names the bytes in the storage, from SCANNED to the end; `facts` were found in them. `declared_type` is what the client said.
    `reason` says why the file is refused.
    """

    tenant_id: TenantId
    owner_id: UserId
    name: str
    declared_type: str
    state: FileState
    facts: FileFacts | None = None
    object_key: str | None = None
    reason: str | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def begin(cls, *, id: UUID, tenant_id: TenantId, owner_id: UserId, name: str, declared_type: str, now: datetime) -> Self:
        """A file whose bytes are awaited."""
        file = cls(
            id=id,
            tenant_id=tenant_id,
            owner_id=owner_id,
            name=name,
            declared_type=declared_type,
            state=FileState.PENDING,
            created_at=now,
            updated_at=now,
        )
        file.record(FileBegun(aggregate_id=id, tenant_id=tenant_id))
        return file

    @property
    def checked(self) -> bool:
        """Whether the bytes were checked, with either result."""
        return self.state is not FileState.PENDING

    def scanned(self, facts: FileFacts, object_key: str, now: datetime) -> None:
        """Note what was found in the bytes that are stored at `object_key`. Does nothing for a file that is checked already."""
        if not self.checked:
            self.state, self.facts, self.object_key, self.updated_at = FileState.SCANNED, facts, object_key, now

    def publish(self, object_key: str, now: datetime) -> bool:
        """Let the content be read from `object_key`, where the same bytes may have been before. Returns whether the file was scanned."""
        if self.state is not FileState.SCANNED or self.facts is None:
            return False
        self.state, self.object_key, self.updated_at = FileState.READY, object_key, now
        facts = self.facts
        self.record(
            FileReady(aggregate_id=self.id, tenant_id=self.tenant_id, size=facts.size, sha256=facts.sha256, media_type=facts.media_type)
        )
        return True

    def refuse(self, reason: str, now: datetime) -> bool:
        """Take the content away permanently. Returns whether the file was not refused."""
        if self.state is FileState.REFUSED:
            return False
        self.state, self.reason, self.object_key, self.updated_at = FileState.REFUSED, reason, None, now
        self.record(FileRefused(aggregate_id=self.id, tenant_id=self.tenant_id, reason=reason))
        return True

    def rescanned(self, engine: str, signatures: str, now: datetime) -> None:
        """Note that a scanner with other signatures found nothing either."""
        if self.facts is not None:
            self.facts, self.updated_at = replace(self.facts, engine=engine, signatures=signatures), now

    def rename(self, name: str, now: datetime) -> bool:
        """Returns whether the name changed. Raises `Invalid`."""
        name = file_name(name)
        if name == self.name:
            return False
        self.name, self.updated_at = name, now
        self.record(FileRenamed(aggregate_id=self.id, tenant_id=self.tenant_id))
        return True

    def delete(self) -> None:
        """Record that the file ends."""
        self.record(FileDeleted(aggregate_id=self.id, tenant_id=self.tenant_id))

    def content(self) -> tuple[str, FileFacts]:
        """Where the bytes are, and what they are. Raises `FileNotReady`."""
        if self.state is not FileState.READY or self.object_key is None or self.facts is None:
            raise FileNotReady(self.state.value, self.reason)
        return self.object_key, self.facts
