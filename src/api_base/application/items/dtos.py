"""What the outside sees of an item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api_base.application.common.money import MoneyDTO
from api_base.application.items.importing import Report
from api_base.application.items.importing.uploads import RefusedRow
from api_base.domain.items.entities import Item
from api_base.domain.items.value_objects import ItemStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDTO:
    id: UUID
    sku: str
    name: str
    description: str
    price: MoneyDTO | None
    category: str
    tags: tuple[str, ...]
    attributes: Mapping[str, Any]
    status: ItemStatus
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None

    @classmethod
    def of(cls, item: Item) -> "ItemDTO":
        details = item.details
        return cls(
            id=item.id,
            sku=details.sku,
            name=details.name,
            description=details.description,
            price=None if details.price is None else MoneyDTO.of(details.price),
            category=details.category,
            tags=details.tags,
            attributes=details.attributes,
            status=item.status,
            version=item.version,
            created_at=item.created_at,
            updated_at=item.updated_at,
            deleted_at=item.deleted_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedImportDTO:
    """The job that imports: /api/v1/jobs/{job_id} says how far it is, and in the end what came of it."""

    job_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResultDTO:
    """What became of the rows of a file. `refused_rows` are the first of those that were `refused`, by their number and why."""

    rows: int
    created: int
    updated: int
    unchanged: int
    refused: int
    refused_rows: Sequence[RefusedRow]

    @classmethod
    def of(cls, report: Report, refused_rows: Sequence[RefusedRow]) -> "ImportResultDTO":
        return cls(
            rows=report.rows,
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            refused=report.refused,
            refused_rows=refused_rows,
        )
