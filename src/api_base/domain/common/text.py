"""The rules for text that enters, the same at every entrance: HTTP, imports, the command line, filters.

Text is stored in normalization form C [Unicode, UAX 15], so that two spellings of a character are one. Stored text is never checked again.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from api_base.core.errors import Invalid, Violation

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates: characters that PostgreSQL cannot store."""
_IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point [Unicode, DerivedCoreProperties.txt]: characters that show nothing."""
_IGNORED: Final = re.compile(f"[{_IGNORABLE}]")
_INVISIBLE: Final = re.compile(f"[\\s\u2800{_IGNORABLE}]*")
_MARGIN: Final = (
    " \t\r\n\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u2060\ufeff"
)
"""Spaces and ignorable characters that mean nothing at either end of a line. Variation selectors and marks of direction do."""
_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_REFUSED_IN_LINES: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKS: Final = 30
"""Combining marks in a row [UAX 15, stream-safe text]: the time to normalize grows with their square."""
_PAIRS_OF_MARKS: Final = "\u0f73\u0f75\u0f81"
"""Characters of combining class 0 that decompose into two marks."""


def normalized(text: str) -> str:
    """Return `text` in normalization form C. Text with too many combining marks in a row, which no field accepts, is returned as it is."""
    return text if text.isascii() or _too_many_marks(text) else unicodedata.normalize("NFC", text)


def line(text: str) -> str:
    """Return the form in which one line of text is stored: normalized and trimmed."""
    return normalized(text).strip(_MARGIN)


def key(text: str) -> str:
    """Return the form in which keys (sku, slug, e-mail, codes) are stored and compared: normalized, without invisible characters, trimmed."""
    if text.isascii():
        return text.strip(_MARGIN)
    return normalized(_IGNORED.sub("", text)).strip(_MARGIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """What one field accepts: at most `max_length` characters after normalization, something visible unless `optional`.

    A field is one line, which is trimmed, unless it may contain several `lines`. A `key` has no invisible characters.
    """

    max_length: int
    key: bool = False
    lines: bool = False
    optional: bool = False

    def parse(self, text: str, pointer: str) -> str:
        """Return `text` as it is stored. Raises `Invalid` at `pointer`."""
        value = self.read(text, pointer)
        if isinstance(value, Violation):
            raise Invalid([value])
        return value

    def read(self, text: str, pointer: str) -> str | Violation:
        """Return `text` as it is stored, or why it is refused."""
        if text.isascii() and text.isprintable():  # most text: it has no form but its own, and at its ends nothing but spaces to trim
            trimmed = text.strip(" ")
            value, blank = text if self.lines else trimmed, not trimmed
        else:
            value = self._stored(text)
            if _too_many_marks(value):
                return Violation(pointer, "marks", f"must not contain more than {_MARKS} combining marks in a row")
            if refused := (_REFUSED_IN_LINES if self.lines else _REFUSED).search(value):
                return _refusal(pointer, refused[0])
            blank = _INVISIBLE.fullmatch(value) is not None
        if blank and not self.optional:
            return Violation(pointer, "blank", "must not be blank")
        if len(value) > self.max_length:
            return Violation(pointer, "too_long", f"has {len(value)} characters; at most {self.max_length} are allowed")
        return value

    def _stored(self, text: str) -> str:
        if self.key:
            return key(text)
        if self.lines:
            return normalized(text.replace("\r\n", "\n").replace("\r", "\n"))
        return line(text)


def _too_many_marks(text: str) -> bool:
    if len(text) <= _MARKS or text.isascii():
        return False
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) or character in _PAIRS_OF_MARKS else 0
        if run > _MARKS:
            return True
    return False


def _refusal(pointer: str, character: str) -> Violation:
    if character == "\0":
        return Violation(pointer, "nul", "must not contain the character NUL")
    if "\ud800" <= character <= "\udfff":
        return Violation(pointer, "surrogate", "must not contain a lone surrogate")
    if "\u202a" <= character <= "\u2069":
        return Violation(pointer, "bidirectional", f"must not contain the bidirectional control U+{ord(character):04X}")
    return Violation(pointer, "control", f"must not contain the control character U+{ord(character):04X}")
