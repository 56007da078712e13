"""What the outside sees of every plain resource."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDTO:
    """The base of the DTO of a resource."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
