"""The events of plain resources that declare them."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.base import DomainEvent
from api_base.domain.common.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceEvent(DomainEvent):
    """The base of `notes.created.v1` and so on. `tenant_id` is the tenant that owns the resource; None if no tenant does."""

    tenant_id: UUID | None


def record(entity: Resource, event: type[ResourceEvent] | None) -> None:
    """Record what happened to `entity`, if its resource has events."""
    if event is not None:
        entity.record(event(aggregate_id=entity.id, tenant_id=getattr(entity, "tenant_id", None)))
