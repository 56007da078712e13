"""A record of the audit trail."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class AuditRecord[T](NamedTuple):
    """Who (`actor_id`) did what (`action`) to which entity, when, and from where; `before` and `after` hold the changed fields.

    `T` is their representation: JSON text for PostgreSQL. The fields are in the order of the table's columns.
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
