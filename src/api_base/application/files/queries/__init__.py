"""Queries of files. Their handlers are adapters: infrastructure/files/queries.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.common.listing import EQUALITY, ORDER, TEXT, UNINDEXED, Field, Fields, ListRequest, Page, Sort
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.core.errors import Invalid
from api_base.core.types import Result
from api_base.domain.common.specification import ComparisonOperator
from api_base.domain.files.value_objects import FileState

_TIME_SCANS: Final = UNINDEXED | {ComparisonOperator.IN}
FILE_FIELDS: Final = Fields(
    Field(name="name", kind=str, operators=TEXT, sortable=True),
    Field(name="state", kind=str, operators=EQUALITY, choices=tuple(state.value for state in FileState)),
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True, scan=_TIME_SCANS),
    default_sort=(Sort(field="created_at", descending=True),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFile(Query[FileDTO]):
    permission = permissions.READ
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFilesByIds(Query[Sequence[FileDTO]]):
    """Those of the files that exist, in any order."""

    permission = permissions.READ
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFileDTO:
    """A file in a slot of an object of another context."""

    entity_id: UUID
    slot: str
    file: FileDTO


MAX_ATTACHED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAttachedFiles(Query[Sequence[AttachedFileDTO]]):
    """The files that are attached to these objects of one kind, by slot: at most `MAX_ATTACHED` of each object, `slot` always among them.

    Only for who may read the kind, as `GetAttachment` is.
    """

    permission = permissions.READ
    kind: str
    entity_ids: tuple[UUID, ...]
    slot: str


ATTACHED_FIELDS: Final = Fields(
    Field(name="slot", kind=str, operators=EQUALITY | {ComparisonOperator.STARTS_WITH}, sortable=True),
    default_sort=(Sort(field="slot"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAttachedFiles(Query[Mapping[UUID, Result[Page[AttachedFileDTO], Invalid]]]):
    """A page of the files of each of these objects of one kind, or the error of its cursor. Only for who may read the kind."""

    permission = permissions.READ
    kind: str
    entity_ids: tuple[UUID, ...]
    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFiles(Query[Page[FileDTO]]):
    """The tenant's files: filtered, sorted, in pages."""

    permission = permissions.READ
    request: ListRequest
