"""The definition of a search index: its fields, and what must hold for them."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from api_base.core.types import Language

MAX_KEYWORD_LENGTH: Final = 10_000
"""Characters of a keyword. Elasticsearch takes at most 32,766 bytes."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


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
        fields = [[f.name, f.kind.value, f.weight, f.searched, f.facet, f.many, f.max_length] for f in self.fields]
        return digest_of(json.dumps([self.title, sorted(self.languages), fields]))

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the declaration itself."""
        names = [one.name for one in self.fields]
        if not _NAME.fullmatch(self.name):
            yield f"the name {self.name!r} must have at most 40 of a-z, 0-9 and _, and begin with a letter"
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"declares the field {name!r} twice"
        if (title := self.field(self.title)) is None or title.kind is not FieldKind.TEXT:
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
        yield "has a weight, but no words: only texts and searched keywords have"
    if declared.searched and declared.kind is not FieldKind.KEYWORD:
        yield "is declared as searched, which is for keywords: a text always is, other kinds have no words"
    if declared.facet and declared.kind not in (FieldKind.KEYWORD, FieldKind.BOOLEAN):
        yield "cannot be a facet: only keywords and booleans have few values"
    if declared.many and declared.kind is not FieldKind.KEYWORD:
        yield "cannot be a list: only keywords can"
    if declared.kind is FieldKind.KEYWORD and not 1 <= declared.max_length <= MAX_KEYWORD_LENGTH:
        yield f"must have a max_length from 1 to {MAX_KEYWORD_LENGTH}"


def digest_of(text: str) -> str:
    """Return a digest of 16 bytes, in hexadecimal."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
