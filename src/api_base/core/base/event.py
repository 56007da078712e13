"""A fact that happened to an aggregate, told in the past tense."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Subclasses set `name`, `<context>.<fact>.v<N>` (`users.registered.v1`), by which subscribers find it.

    The fields of a subclass are plain values (text, numbers, UUID, datetime), so that any subscriber can build a payload
    class of its own from them.
    """

    name: ClassVar[str]
    aggregate_id: UUID
