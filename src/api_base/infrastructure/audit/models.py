"""One record of the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord[T]:
    """Who (`actor_id`) did what (`action`) to which entity, when, from where; `before` and `after` hold the changed fields.

    `T` is how these are represented: JSON text for PostgreSQL. Fields stand in the order of the table's columns.
    """

    tenant_id: UUID
    at: datetime
    id: UUID
    actor_id: UUID | None
    request_id: str
    trace_id: str
    address: str
    action: str
    entity: str
    entity_id: UUID | None
    before: T | None
    after: T | None

    def row(self) -> tuple[Any, ...]:
        return (
            self.tenant_id, self.at, self.id, self.actor_id, self.request_id, self.trace_id,
            self.address, self.action, self.entity, self.entity_id, self.before, self.after,
        )  # fmt: skip
