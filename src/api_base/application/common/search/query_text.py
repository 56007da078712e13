"""Parse what a person writes into a search box: words, and phrases in double quotes. Every text is valid."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_WORDS: Final = 16
"""Words of a search; further ones are ignored."""
_PARTS: Final = re.compile(
    r'["\u201c\u201d\u201e\u00ab\u00bb]([^"\u201c\u201d\u201e\u00ab\u00bb]*)["\u201c\u201d\u201e\u00ab\u00bb]|([^"\u201c\u201d\u201e\u00ab\u00bb]+)'
)
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryText:
    """`text` is the whole text, folded. `words` are those outside of phrases, in order; a phrase is its words in order.

    `open_end`: the text ends within or directly behind its last word, which may be the beginning of a longer one.
    """

    text: str
    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]
    open_end: bool

    @property
    def all_words(self) -> tuple[str, ...]:
        """Return the words of the phrases, then the others."""
        return (*(word for phrase in self.phrases for word in phrase), *self.words)


def folded(text: str) -> str:
    """Return `text` without case, accents, compatibility forms and marks: forms NFC and NFD of a text are one.

    >>> folded("AMÉLIE") == folded("Ame\u0301lie") == "amelie"
    True
    """
    decomposed = unicodedata.normalize("NFKD", text)
    kept = "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()
    return kept.translate(_LETTERS)


_LETTERS: Final = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"})
"""Letters of the Latin script that do not decompose."""


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a folded text. An apostrophe inside a word does not divide it: o'brien is obrien.

    >>> words_of("schindler's list, 100%")
    ('schindlers', 'list', '100')
    """
    return tuple(_WORD.findall(text.replace("'", "").replace("\u2019", "")))


def query_text(q: str) -> QueryText:
    """Parse `q`, which may contain anything.

    >>> query_text('"Star Wars" hope').phrases
    (('star', 'wars'),)
    """
    phrases: list[tuple[str, ...]] = []
    words: list[str] = []
    room, text = MAX_WORDS, folded(q)
    for part in _PARTS.finditer(text):
        quoted, plain = part.groups()
        found = words_of(quoted if quoted is not None else plain)[:room]
        room -= len(found)
        if quoted is None or len(found) == 1:
            words += found
        elif found:
            phrases.append(found)
    return QueryText(text=" ".join(words_of(text)), words=tuple(words), phrases=tuple(phrases), open_end=q[-1:].isalnum())
