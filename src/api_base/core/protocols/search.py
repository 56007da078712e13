"""Search: indexes of documents, which are copies of rows in PostgreSQL and may be rebuilt from them at any time.

Each document belongs to one tenant, has the version of the aggregate that it shows, and is written with that version: an older version never
overwrites a newer one, whatever the order of the writes. A deletion is a version, too, and leaves a tombstone.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Protocol
from uuid import UUID

from api_base.core.types import Language

GONE: Final = 2**62
"""The version of the deletion of an aggregate that no longer has a row: its id, a UUIDv7, never returns."""
TOMBSTONES: Final = timedelta(days=8)
"""How long a tombstone is kept: longer than the event is retried that would write the document again."""
MAX_KEYWORD_LENGTH: Final = 10_000
"""Characters of a keyword. Elasticsearch takes at most 32,766 bytes."""
MAX_HITS: Final = 100
"""Hits of a page."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

type Value = str | int | bool | datetime | tuple[str, ...] | None
"""The value of a field of a document."""


class FieldKind(Enum):
    """TEXT is searched by its words. The others are compared as specifications compare: KEYWORD by code point, NUMBER as a whole number of 64 bits,
    MOMENT in microseconds, BOOLEAN."""

    TEXT = "text"
    KEYWORD = "keyword"
    NUMBER = "number"
    MOMENT = "moment"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchField:
    """A field of the documents of an index.

    `weight` (1 to 10) is that of the words of a text or of a keyword that is `searched`, in relation to other fields. `facet` counts the values of
    a keyword or boolean. `many` makes a keyword a list. A keyword has at most `max_length` characters.
    """

    name: str
    kind: FieldKind
    weight: int = 1
    searched: bool = False
    facet: bool = False
    many: bool = False
    max_length: int = 256

    @property
    def has_words(self) -> bool:
        """Return whether a search looks for words in this field."""
        return self.kind is FieldKind.TEXT or self.searched


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDefinition:
    """An index. `title` names the text field that a hit shows, whose exact match comes first. Words are stemmed in `languages` as well.

    A reader needs `permission`. `problems` are what no adapter can express; `digest` changes with everything that a stored index depends on.
    """

    name: str
    title: str
    fields: tuple[SearchField, ...]
    permission: str
    languages: tuple[Language, ...] = (Language.EN, Language.PT)

    def field(self, name: str) -> SearchField | None:
        """Return the field with this name, or None."""
        return next((one for one in self.fields if one.name == name), None)

    @property
    def facets(self) -> tuple[str, ...]:
        """Return the names of the fields whose values can be counted."""
        return tuple(one.name for one in self.fields if one.facet)

    @property
    def digest(self) -> str:
        """Return a digest of the fields, the title and the languages."""
        shape = [
            self.title,
            sorted(self.languages),
            [[f.name, f.kind.value, f.weight, f.searched, f.facet, f.many, f.max_length] for f in self.fields],
        ]
        return hashlib.blake2b(json.dumps(shape).encode(), digest_size=16).hexdigest()

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the declaration itself."""
        names = [one.name for one in self.fields]
        if not _NAME.fullmatch(self.name):
            yield f"the name {self.name!r} must have at most 40 of a-z, 0-9 and _, and begin with a letter"
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"declares the field {name!r} twice"
        title = self.field(self.title)
        if title is None or title.kind is not FieldKind.TEXT:
            yield f"the title {self.title!r} must name a field of the kind text"
        if not self.languages:
            yield "declares no language"
        for one in self.fields:
            yield from (f"the field {one.name!r} {problem}" for problem in _problems(one))


def _problems(declared: SearchField) -> Iterator[str]:
    if not _NAME.fullmatch(declared.name):
        yield "must have at most 40 of a-z, 0-9 and _ in its name, and begin with a letter"
    if not 1 <= declared.weight <= 10:
        yield "must have a weight from 1 to 10"
    if declared.weight != 1 and not declared.has_words:
        yield "has a weight, but no words: make it a text, or a searched keyword"
    if declared.searched and declared.kind is not FieldKind.KEYWORD:
        yield "is declared as searched, which is for keywords: a text always is, other kinds have no words"
    if declared.facet and declared.kind not in (FieldKind.KEYWORD, FieldKind.BOOLEAN):
        yield "cannot be a facet: only keywords and booleans have few values"
    if declared.many and declared.kind is not FieldKind.KEYWORD:
        yield "cannot be a list: only keywords can"
    if declared.kind is FieldKind.KEYWORD and not 1 <= declared.max_length <= MAX_KEYWORD_LENGTH:
        yield f"must have a max_length from 1 to {MAX_KEYWORD_LENGTH}"


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
        text = json.dumps(self.values, sort_keys=True, default=_plain, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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
    value: int
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue:
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
