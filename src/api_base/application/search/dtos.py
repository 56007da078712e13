"""What a search answers."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FoundDTO:
    """A hit. `highlights` holds fragments of its texts as HTML, with the found words in `<mark>`."""

    index: str
    id: UUID
    title: str
    highlights: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class FacetValueDTO:
    value: str
    count: int


@dataclass(frozen=True, slots=True)
class FacetDTO:
    """The most frequent values. `approximate`: some of the found documents were not counted."""

    values: list[FacetValueDTO]
    approximate: bool


@dataclass(frozen=True, slots=True)
class TotalDTO:
    """`relation` is `eq` for an exact value, `gte` for a lower bound."""

    value: int
    relation: str


@dataclass(frozen=True, slots=True)
class SearchPageDTO:
    """`suggestions` are texts to search for instead, of documents that the caller may read."""

    items: list[FoundDTO]
    next_cursor: str | None
    total: TotalDTO
    facets: dict[str, FacetDTO]
    suggestions: list[str]
