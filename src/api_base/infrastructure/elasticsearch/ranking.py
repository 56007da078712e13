"""What a search finds, and in which order: the exact title first, then titles that begin with the text, then all words, then typing errors.

Each word has to be found in some field: as such, by its stem, as the beginning of a word, or with typing errors. The grade of a document adds a constant
that is larger than all word scores together, so the grades never mix. Every score is a constant: the server's own score of a word follows from how rare the
word is in the index, so the order of a tenant's hits would tell which words other tenants have.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from api_base.application.common.search import QueryText
from api_base.core.protocols import SearchDefinition
from api_base.infrastructure.db.query_builder.translation import prefix_end
from api_base.infrastructure.elasticsearch import query as q
from api_base.infrastructure.elasticsearch.mapping import EXACT, EXACT_LENGTH, JOINED, MAX_WORD_LENGTH, PREFIX_LENGTH, WORDS, joined
from api_base.infrastructure.elasticsearch.query import Query

EXACT_GRADE: Final = 100_000.0
PREFIX_GRADE: Final = 30_000.0
JOINED_GRADE: Final = 15_000.0
"""A title that begins with the text whatever its spaces: spiderman finds Spider-Man."""
TITLE_PHRASE_GRADE: Final = 8_000.0
TITLE_WORDS_GRADE: Final = 4_000.0
WHOLE_WORDS_GRADE: Final = 1_500.0
TYPO_LENGTH: Final = 31
"""Letters of a word above which no typing errors are looked for: the server's memory for them grows with the word, and no such word is stored."""
STEM, BEGINNING, TYPO = 0.5, 0.3, 0.05
"""Scores of a word that is found by its stem, as a beginning, or with typing errors, in relation to the word itself."""


def ranked(definition: SearchDefinition, text: QueryText) -> Query:
    """Return the query of a text that has words."""
    must = [*(_word(definition, word, last=False) for word in text.words[:-1])]
    if text.words:
        must.append(_word(definition, text.words[-1], last=text.open_end))
    must += [_phrase(definition, words) for words in text.phrases]
    anyhow = q.constant(_begins(JOINED, joined(text.text)), JOINED_GRADE)
    return q.boolean(
        must=[q.best_of([q.boolean(must=must), anyhow], tie_breaker=1.0)], should=list(_grades(definition, text)), minimum_should_match=0
    )


def highlighted(definition: SearchDefinition, text: QueryText) -> Query:
    """Return the query of the words to highlight."""
    fields = _fields(definition)
    queries = [find(field, word) for field in fields for word in _words(text) for find in (q.starts_with, _with_typos)]
    return q.boolean(should=queries, minimum_should_match=1)


def _begins(field: str, text: str) -> Query:
    """A keyword that begins with `text`, of any length."""
    return q.between(field, ge=text, lt=prefix_end(text))


def _with_typos(field: str, word: str) -> Query:
    return q.match(field, word, fuzzy=len(word) <= TYPO_LENGTH)


def suggested(definition: SearchDefinition, text: QueryText) -> Query:
    """Return the query of the titles to suggest: those that contain the words, the last one as a beginning, with typing errors."""
    title = f"{WORDS}.{definition.title}"
    words = [q.best_of([_with_typos(title, word), q.match(f"{title}.beginnings", word)]) for word in _words(text)]
    return q.boolean(must=words)


def _words(text: QueryText) -> Sequence[str]:
    """The words as the server stores them."""
    return [word[:MAX_WORD_LENGTH] for word in text.all_words]


def _fields(definition: SearchDefinition) -> dict[str, float]:
    return {f"{WORDS}.{field.name}": float(field.weight) for field in definition.fields if field.has_words}


def _word(definition: SearchDefinition, word: str, *, last: bool) -> Query:
    """A word in any field. The beginning of a longer word counts more for the `last` one, which may not be finished."""
    queries = []
    for field, weight in _fields(definition).items():
        queries.append(q.constant(q.match(field, word), weight))
        queries += [q.constant(q.match(f"{field}.stems_{language.value}", word), weight * STEM) for language in definition.languages]
        queries.append(q.constant(q.match(f"{field}.beginnings", word[:PREFIX_LENGTH]), weight * BEGINNING * (2 if last else 1)))
        if len(word) <= TYPO_LENGTH:
            queries.append(q.constant(q.match(field, word, fuzzy=True), weight * TYPO))
    return q.best_of(queries, tie_breaker=0.1)


def _phrase(definition: SearchDefinition, words: tuple[str, ...]) -> Query:
    text = " ".join(words)
    return q.best_of([q.constant(q.phrase(field, text), weight) for field, weight in _fields(definition).items()])


def _grades(definition: SearchDefinition, text: QueryText) -> Iterator[Query]:
    title, all_words = f"{WORDS}.{definition.title}", " ".join(text.all_words)
    whole = text.text[:EXACT_LENGTH]
    yield q.constant(q.term(EXACT, whole), EXACT_GRADE)
    yield q.constant(_begins(EXACT, whole), PREFIX_GRADE)
    yield q.constant(q.phrase(title, all_words), TITLE_PHRASE_GRADE)
    yield q.constant(q.match(title, all_words), TITLE_WORDS_GRADE)
    yield q.constant(q.multi_match(all_words, _fields(definition), kind="cross_fields"), WHOLE_WORDS_GRADE)
