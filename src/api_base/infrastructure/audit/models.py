"""A record of the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from api_base.core.types import RequestContext


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord[T]:
    """Who (`actor_id`) did what (`action`) to which entity, when and from where. `before` and `after` hold the changed fields.

    `T` is the representation of the changed fields: JSON text for PostgreSQL. The order of the fields is that of the table's columns.
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

    @classmethod
    def of(
        cls,
        context: RequestContext,
        *,
        id: UUID,
        at: datetime,
        tenant_id: UUID,
        action: str,
        entity: str,
        entity_id: UUID | None,
        before: T | None = None,
        after: T | None = None,
    ) -> Self:
        """A record of an action in the request `context`, which supplies the actor, the address and the ids."""
        return cls(
            id=id,
            tenant_id=tenant_id,
            at=at,
            actor_id=context.user_id,
            request_id=context.request_id,
            trace_id=context.trace_id,
            address=context.address,
            action=action,
            entity=entity,
            entity_id=entity_id,
            before=before,
            after=after,
        )

    def row(self) -> tuple[Any, ...]:
        return (
            self.tenant_id, self.at, self.id, self.actor_id, self.request_id, self.trace_id,
            self.address, self.action, self.entity, self.entity_id, self.before, self.after,
        )  # fmt: skip
