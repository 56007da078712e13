"""List audit records: a tenant's for its owners and admins, those without a tenant for platform administrators.

The handlers are adapters: infrastructure/audit/queries.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.audit.dtos import AuditRecordDTO, CreatorDTO
from api_base.application.common.cqrs import Query
from api_base.application.common.listing import Field, Fields, ListRequest, Page, Sort
from api_base.core.errors import Invalid
from api_base.core.types import Result
from api_base.domain.common.specification import ComparisonOperator

READ: Final = "audit:read"
READ_PLATFORM: Final = "platform:audit"
READ_CREATORS: Final = "audit:read_creators"
"""Permissions of the audit trail."""

_Op = ComparisonOperator
_NAMED: Final = frozenset({_Op.EQ, _Op.IN})
_RANGE: Final = frozenset({_Op.GT, _Op.GE, _Op.LT, _Op.LE})

AUDIT_FIELDS: Final = Fields(
    Field(name="entity_id", kind=UUID, operators=_NAMED),
    Field(name="actor_id", kind=UUID, operators=_NAMED),
    Field(name="action", kind=str, operators=_NAMED | {_Op.STARTS_WITH}),
    Field(name="entity", kind=str, operators=_NAMED),
    Field(name="at", kind=datetime, operators=_RANGE, sortable=True),
    default_sort=(Sort(field="at", descending=True),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudit(Query[Page[AuditRecordDTO]]):
    permission = READ
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPlatformAudit(Query[Page[AuditRecordDTO]]):
    permission = READ_PLATFORM
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHistories(Query[Mapping[UUID, Result[Page[AuditRecordDTO], Invalid]]]):
    """A page of the records of each of these entities of one kind, such as `item`, or the error of its cursor."""

    permission = READ
    entity: str
    entity_ids: tuple[UUID, ...]
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCreators(Query[Sequence[CreatorDTO]]):
    """Who created these entities of one kind, such as `item`, as far as the trail goes back."""

    permission = READ_CREATORS
    entity: str
    entity_ids: tuple[UUID, ...]
