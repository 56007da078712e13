"""Base classes of the domain: value object, entity, aggregate root."""

from api_base.core.base.entity import AggregateRoot, Entity
from api_base.core.base.event import DomainEvent
from api_base.core.base.value_object import ValueObject

__all__ = ["AggregateRoot", "DomainEvent", "Entity", "ValueObject"]
