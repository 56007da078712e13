"""Read an item."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.items import permissions
from api_base.application.items.dtos import ItemDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class GetItem(Query[ItemDTO]):
    permission: ClassVar[str] = permissions.READ
    id: UUID
