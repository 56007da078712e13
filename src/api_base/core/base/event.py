"""A domain event: a fact about an aggregate, named in the past tense."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Subclasses set `name`, `<context>.<fact>.v<N>` (`users.registered.v1`); subscribers refer to the event by it.

    The fields of a subclass are plain values (text, numbers, UUID, datetime), so that every subscriber can declare a payload class of
    its own with some of them.
    """

    name: ClassVar[str]
    aggregate_id: UUID
