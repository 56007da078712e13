"""An attachment: a file in a slot of an aggregate of any context, such as the picture of an item."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import TenantId
from api_base.domain.files.events import FileAttached, FileDetached

MAX_SLOT_LENGTH: Final = 50


@dataclass(slots=True, kw_only=True, eq=False)
class Attachment(AggregateRoot):
    """A slot holds one file. A file that is attached cannot be deleted."""

    tenant_id: TenantId
    kind: str
    entity_id: UUID
    slot: str
    file_id: UUID
    created_at: datetime
    updated_at: datetime

    @classmethod
    def attach(cls, *, id: UUID, tenant_id: TenantId, kind: str, entity_id: UUID, slot: str, file_id: UUID, now: datetime) -> Self:
        made = cls(id=id, tenant_id=tenant_id, kind=kind, entity_id=entity_id, slot=slot, file_id=file_id, created_at=now, updated_at=now)
        made.record(made._event(FileAttached))
        return made

    def replace(self, file_id: UUID, now: datetime) -> bool:
        """Put another file into the slot. Returns whether it is another one."""
        if file_id == self.file_id:
            return False
        self.record(self._event(FileDetached))
        self.file_id, self.updated_at = file_id, now
        self.record(self._event(FileAttached))
        return True

    def detach(self) -> None:
        """Record that the slot is empty."""
        self.record(self._event(FileDetached))

    def _event[E: (FileAttached, FileDetached)](self, kind: type[E]) -> E:
        return kind(
            aggregate_id=self.id,
            tenant_id=self.tenant_id,
            file_id=self.file_id,
            kind=self.kind,
            entity_id=self.entity_id,
            slot=self.slot,
        )
