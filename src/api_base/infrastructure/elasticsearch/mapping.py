"""The settings and mapping of an index, and its documents.

A document holds each value up to twice: in `values` as specifications compare it, and in `words` as a search finds it. Words are folded as the words
of a query are (`application.common.search.folded`): a text is decomposed [NFD] here, and the server removes its marks.

What is no longer in a definition is ignored, never refused: while a new release starts, the old one writes documents of its own definition.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api_base.application.common.search import MARK_END, MARK_START, folded, words_of
from api_base.core.protocols import FieldKind, SearchDefinition, SearchDocument, SearchField
from api_base.core.types import Language
from api_base.infrastructure.elasticsearch.specification import PRESENT, VALUES, indexed

WORDS: Final = "words"
"""The object that holds the texts whose words are found."""
EXACT: Final = "exact"
"""The folded title."""
JOINED: Final = "joined"
"""The folded title without spaces."""
LENGTH: Final = "length"
"""The length of the folded title: among equals, the shorter one comes first."""
EXACT_LENGTH: Final = 1000
"""Characters of a title that an exact search compares."""
MAX_WORD_LENGTH: Final = 256
"""Letters of a word that are compared. The server refuses a document with a word of over 32,766 bytes."""
PREFIX_LENGTH: Final = 16
"""Letters of the beginning of a word by which the word is found."""
DIGEST: Final = "definition"
"""The member of the index's `_meta` that holds the digest of the definition."""

KEYWORD_BYTES: Final = 32_766
"""Bytes of a keyword [ignore_above]. UTF-8 takes four bytes at most."""
MAX_FIELDS: Final = 100
"""Fields of a definition: each takes up to six of the 1,000 fields of a mapping [index.mapping.total_fields.limit]."""

_STEMMERS: Final[Mapping[Language, str]] = {Language.EN: "english", Language.PT: "portuguese"}
_PLURALS: Final[Mapping[Language, tuple[str, ...]]] = {Language.PT: ("plurals",)}
"""What goes before a stemmer: the Portuguese one knows plurals in -ões only with their accent, which is folded here."""
_MARKS: Final = str.maketrans("", "", MARK_START + MARK_END)
"""The characters that mark the words of a highlight."""
_FILTERS: Final = ["lowercase", "asciifolding", "shortened"]
_CHARACTERS: Final = ["apostrophes", "marks", "letters"]


def problems(definition: SearchDefinition) -> Iterator[str]:
    """Yield what no mapping can express."""
    for field in definition.fields:
        if field.kind is FieldKind.KEYWORD and field.max_length * 4 > KEYWORD_BYTES:
            longest = KEYWORD_BYTES // 4
            yield f"the field {field.name!r} must have a max_length of at most {longest} in this engine: its keywords have {KEYWORD_BYTES} bytes"
    if len(definition.fields) > MAX_FIELDS:
        yield f"has {len(definition.fields)} fields: this engine takes {MAX_FIELDS}"
    for language in definition.languages:
        if language not in _STEMMERS:
            yield f"is written in the language {language.value!r}, which has no analyzer"


def body(definition: SearchDefinition) -> Mapping[str, Any]:
    """Return the settings and the mapping of a new index."""
    return {
        "settings": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "refresh_interval": "500ms",
            "max_ngram_diff": PREFIX_LENGTH,
            "analysis": _analysis(definition),
        },
        "mappings": {
            "dynamic": False,
            "_meta": {DIGEST: definition.digest},
            "_routing": {"required": True},
            "properties": {
                **{name: {"type": "keyword"} for name in ("index", "tenant", "id", "digest", PRESENT, EXACT, JOINED)},
                "deleted": {"type": "boolean"},
                LENGTH: {"type": "integer"},
                "written": {"type": "long"},
                VALUES: {"properties": {field.name: _value(field) for field in definition.fields if field.kind is not FieldKind.TEXT}},
                WORDS: {"properties": {field.name: _words(definition) for field in definition.fields if field.has_words}},
            },
        },
    }


def _analysis(definition: SearchDefinition) -> Mapping[str, Any]:
    def analyzer(*filters: str) -> Mapping[str, Any]:
        return {"type": "custom", "char_filter": _CHARACTERS, "tokenizer": "words", "filter": [*_FILTERS, *filters]}

    return {
        "char_filter": {
            "apostrophes": {"type": "pattern_replace", "pattern": "['\u2019]", "replacement": ""},
            "marks": {"type": "pattern_replace", "pattern": "\\p{M}+", "replacement": ""},
            "letters": {"type": "mapping", "mappings": ["\u03c2 => \u03c3"]},
        },
        "tokenizer": {"words": {"type": "pattern", "pattern": "[\\p{L}\\p{N}]+", "group": 0}},
        "filter": {
            "shortened": {"type": "truncate", "length": MAX_WORD_LENGTH},
            "beginnings": {"type": "edge_ngram", "min_gram": 1, "max_gram": PREFIX_LENGTH},
            "beginning": {"type": "truncate", "length": PREFIX_LENGTH},
            "plurals": {"type": "pattern_replace", "pattern": "^(.{2,})(oes|aes)$", "replacement": "$1ao"},
            **{f"stems_{one.value}": {"type": "stemmer", "language": _STEMMERS[one]} for one in definition.languages},
        },
        "analyzer": {
            "words": analyzer(),
            "beginnings": analyzer("beginnings"),
            "beginning": analyzer("beginning"),
            **{f"stems_{one.value}": analyzer(*_PLURALS.get(one, ()), f"stems_{one.value}") for one in definition.languages},
        },
    }


def _value(field: SearchField) -> Mapping[str, Any]:
    if field.kind is FieldKind.KEYWORD:
        return {"type": "keyword", "ignore_above": 2 * field.max_length}  # counts UTF-16 code units
    return {"type": "byte" if field.kind is FieldKind.BOOLEAN else "long"}


def _words(definition: SearchDefinition) -> Mapping[str, Any]:
    beginnings = {
        "type": "text",
        "analyzer": "beginnings",
        "search_analyzer": "beginning",
        "index_options": "docs",
        "norms": False,
    }
    stems = {f"stems_{one.value}": {"type": "text", "analyzer": f"stems_{one.value}", "norms": False} for one in definition.languages}
    return {"type": "text", "analyzer": "words", "index_options": "offsets", "fields": {"beginnings": beginnings, **stems}}


def document(definition: SearchDefinition, one: SearchDocument, now: datetime) -> Mapping[str, Any]:
    """Return the stored form of a document; of a deletion, a tombstone that no search finds. `now` is when it is written."""
    common = {
        "index": one.index,
        "tenant": str(one.tenant_id),
        "id": str(one.id),
        "digest": one.digest,
        "written": indexed(now.astimezone(UTC)),
    }
    if one.values is None:
        return {**common, "deleted": True}
    known = {field.name: field for field in definition.fields}
    given = {name: value for name, value in one.values.items() if value is not None and name in known}
    title = str(given.get(definition.title, ""))
    exact = " ".join(words_of(folded(title)))[:EXACT_LENGTH]
    return {
        **common,
        "deleted": False,
        "title": title,
        EXACT: exact,
        JOINED: joined(exact),
        LENGTH: len(exact),
        PRESENT: sorted(given),
        VALUES: {name: indexed(value) for name, value in given.items() if known[name].kind is not FieldKind.TEXT},
        WORDS: {name: _decomposed(value) for name, value in given.items() if known[name].has_words},
    }


def joined(text: str) -> str:
    """Return a folded text without spaces."""
    return text.replace(" ", "")[:EXACT_LENGTH]


def _decomposed(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_decomposed(one) for one in value]
    return unicodedata.normalize("NFD", str(value)).translate(_MARKS)
