"""The messages of plain resources. A context derives its own from them, each with its permission: `class GetNote(GetResource[NoteDTO])`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api_base.application.common.cqrs import Command, Query
from api_base.application.common.listing import ListRequest, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResource[D](Query[D]):
    """One resource. A deleted one is not found."""

    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResources[D](Query[Sequence[D]]):
    """Those of the resources that exist, in any order."""

    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResourceByKey[D](Query[D]):
    """One resource, by the text that names it in URLs. A deleted one is not found."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindResource(Query[UUID]):
    """The id of one resource, also of a deleted one, by the text that names it in URLs."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListResources[D](Query[Page[D]]):
    """Filtered, sorted, searched, in pages. Deleted resources appear only with a filter on `deleted_at`."""

    request: ListRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResource[D](Command[D]):
    """`values` maps fields of the resource to their values; others have their defaults."""

    destructive = False
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResource[D](Command[D]):
    """`changes` maps fields of the resource to their new values, a `MoneyPatch` for money; others stay unchanged.

    `expected_version` None accepts any version.
    """

    id: UUID
    expected_version: int | None
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteResource(Command[None]):
    """`expected_version` None accepts any version."""

    id: UUID
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResource[D](Command[D]):
    """`expected_version` None accepts any version."""

    destructive = False
    id: UUID
    expected_version: int | None
