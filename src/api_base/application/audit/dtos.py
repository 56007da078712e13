"""DTOs of the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecordDTO:
    """`before` and `after` hold the changed fields. Secret and personal values are never stored in clear text."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    request_id: str
    trace_id: str
    address: str
    action: str
    entity: str
    entity_id: UUID | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorDTO:
    entity_id: UUID
    user_id: UUID


@dataclass(slots=True)
class Checked:
    """How much of the trail was verified. The counts are complete after the last finding."""

    records: int = 0
    chains: int = 0
    unsealed: int = 0
