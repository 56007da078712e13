"""Search: indexes of documents, which are copies of rows in PostgreSQL and may be rebuilt from them at any time.

Each document belongs to one tenant, has the version of the aggregate that it shows, and is written with that version: an older version never
overwrites a newer one, whatever the order of the writes. A deletion is a version, too, and leaves a tombstone.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Protocol
from uuid import UUID

from api_base.core.protocols.search_definition import SearchDefinition, digest_of

GONE: Final = 2**62
"""The version of the deletion of an aggregate that no longer has a row: its id, a UUIDv7, never returns."""
TOMBSTONES: Final = timedelta(days=8)
"""How long a tombstone is kept: longer than the event is retried that would write the document again."""
MAX_HITS: Final = 100
"""Hits of a page."""

type Value = str | int | bool | datetime | tuple[str, ...] | None
"""The value of a field of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDocument:
    """One version of a document. `values` holds its fields by name, a moment with its time zone; None is a deletion."""

    index: str
    tenant_id: UUID
    id: UUID
    version: int
    values: Mapping[str, Value] | None

    @property
    def digest(self) -> str:
        """Return a digest of the values, which `scan` returns; empty for a deletion."""
        if self.values is None:
            return ""
        return digest_of(json.dumps(self.values, sort_keys=True, default=_plain, ensure_ascii=False))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{value!r} is no value of a document")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """What an index holds of a document: its version, and the digest of its values; empty for a tombstone."""

    tenant_id: UUID
    id: UUID
    version: int
    digest: str


class Criterion(Protocol):
    """A filter of documents by their fields: a `Specification` (domain.common.specification)."""

    def is_satisfied_by(self, candidate: Any) -> bool:
        """Return whether the candidate, with an attribute for each field, passes the filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A page of a search in `indexes`, which the reader may read. An empty `q` finds every document that passes `filter`.

    `facets` names the fields whose values are counted. `cursor` is `next_cursor` of the previous page of the same request.
    """

    indexes: tuple[str, ...]
    q: str = ""
    filter: Criterion | None = None
    facets: tuple[str, ...] = ()
    highlight: bool = True
    size: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A found document. `highlights` holds fragments of text fields by name: HTML, escaped, with the found words in `<mark>`."""

    index: str
    id: UUID
    title: str
    score: float
    highlights: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Relation(Enum):
    """Whether a count is exact (EQ), or there are at least so many (GE)."""

    EQ = "eq"
    GE = "gte"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTotal:
    """The number of found documents, or a lower bound of it."""

    value: int
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
    """A value, and the number of found documents that have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """The most frequent values of a field among the found documents. `approximate`: some documents were not counted."""

    values: Sequence[FacetValue]
    approximate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResults:
    """`suggestions` are other texts for `q` that find something. `next_cursor` is None on the last page."""

    hits: Sequence[SearchHit]
    total: SearchTotal
    facets: Mapping[str, Facet] = field(default_factory=dict)
    suggestions: Sequence[str] = ()
    next_cursor: str | None = None


class Generation(Enum):
    """The stored copies of an index. LIVE answers searches, BUILDING is filled beside it, PREVIOUS was live before. All receive the writes."""

    LIVE = "live"
    BUILDING = "building"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """The generations of an index that exist, each with the digest of the definition that it was begun with."""

    index: str
    digests: Mapping[Generation, str]


class SearchIndex(Protocol):
    """The indexes that contexts declare, in one engine.

    All raise `Unavailable` when the engine does not answer in time. A filter of the tenant is part of every read and write.
    """

    def problems(self, definition: SearchDefinition) -> Sequence[str]:
        """Return what this engine cannot express of the definition. Asks no server."""

    async def open(self) -> None:
        """Connect, and create the indexes that do not exist."""

    async def close(self) -> None:
        """Release everything that `open` took."""

    async def search(self, request: SearchRequest, tenant: UUID) -> SearchResults:
        """Return a page of the tenant's documents. Raises `Invalid` for a cursor that this adapter did not make."""

    async def write(self, documents: Sequence[SearchDocument]) -> None:
        """Index and delete, in every generation: each document unless its index holds the same or a newer version, deleted or not.

        Returns once searches find the documents, or soon after. Raises `NotIndexed` with the ids of those that the engine refused; the others
        are written.
        """

    async def repair(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the live generation as `write` does, but also over the same version: for documents whose stored values are not those of their
        version. Raises `NotIndexed` as `write` does.
        """

    async def states(self) -> Sequence[IndexState]:
        """Return the generations of every declared index."""

    async def begin(self, index: str) -> None:
        """Begin a new, empty generation for the declared definition, in place of one that was begun earlier and not swapped in.

        All writes that begin after this returns go to the new generation as well.
        """

    async def fill(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the generation that is being built only. Raises `NotIndexed` as `write` does."""

    async def swap(self, index: str) -> None:
        """Make the generation that is being built live, in one step; the live one becomes the previous one, and an older one is removed.

        Raises `Conflict` if none is being built.
        """

    async def revert(self, index: str) -> None:
        """Make the previous generation live again, in one step, and the live one the previous one. Raises `Conflict` without one."""

    def scan(self, index: str, generation: Generation) -> AsyncIterator[Sequence[IndexedDocument]]:
        """Yield batches of all documents and tombstones of all tenants, in the order of the bytes of tenant and id."""

    async def forget(self) -> int:
        """Remove the tombstones that are older than any retry of an event, in every generation, and return their number."""

    async def check(self) -> str:
        """Connect once, and return the name of the engine. Raises `Unavailable`."""
