"""How a file is written: encoding, delimiter, quote, decimal sign, header line, and where the array of records is.

A dialect names what the caller sets. A reader detects the rest where that is safe, and returns the completed dialect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from api_base.core.errors import RuleViolated

ENCODINGS: Final[Mapping[str, str]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16",
    "utf16": "utf-16",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
    "iso-8859-1": "windows-1252",
    "latin-1": "windows-1252",
    "latin1": "windows-1252",
}
"""Encodings by label. ASCII is a subset of UTF-8; files that are labelled ISO 8859-1 are Windows-1252 [WHATWG Encoding, section 4.2]."""
DELIMITERS: Final[Mapping[str, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
QUOTES: Final[Mapping[str, str]] = {"double": '"', "single": "'", "none": ""}
DECIMALS: Final[Mapping[str, str]] = {"point": ".", "comma": ","}
MAX_ITEMS_LENGTH: Final = 200


class DialectRefused(RuleViolated):
    """An option of the dialect has a value that cannot work. `option` is its name."""

    def __init__(self, option: str, value: str, allowed: str) -> None:
        super().__init__(f"{option} must be {allowed}, not {value[:50]!r}.")
        self.option = option


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """None is what is to be detected. `quote` is empty if fields have no quotes; `items` names the member that holds the array, such as
    `data` or `result.rows`, and is empty if the file is the array.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    header: bool = True
    items: str | None = None

    @classmethod
    def parse(cls, options: Mapping[str, str | None], *, header: bool = True) -> Self:
        """The dialect by the names of its fields, apart from `header`. Raises `DialectRefused`."""
        items = options.get("items")
        if items is not None and not (len(items) <= MAX_ITEMS_LENGTH and all(items.split("."))):
            raise DialectRefused("items", items, "the name of a member, or names joined by dots")
        return cls(
            encoding=_one_of("encoding", ENCODINGS, (options.get("encoding") or "").lower() or None),
            delimiter=_delimiter(options.get("delimiter")),
            quote=_one_of("quote", QUOTES, options.get("quote")),
            decimal=_one_of("decimal", DECIMALS, options.get("decimal")),
            header=header,
            items=items,
        )

    def described(self) -> str:
        """What a file was read as, such as `semicolon, windows-1252`."""
        parts = [
            next((name for name, character in DELIMITERS.items() if character == self.delimiter), self.delimiter),
            self.encoding,
            {"'": "single quotes", "": "no quotes", None: None, '"': None}[self.quote],
            "decimal comma" if self.decimal == "," else None,
            None if self.header else "no header",
            f"items {self.items}" if self.items else None,
        ]
        return ", ".join(part for part in parts if part)


def is_delimiter(text: str) -> bool:
    """Whether `text` may separate fields: one character that is neither a letter, a digit, a quote nor a line break."""
    return len(text) == 1 and text not in "\"'\r\n\0" and not text.isalnum()


def _delimiter(value: str | None) -> str | None:
    return value if value is not None and is_delimiter(value) else _one_of("delimiter", DELIMITERS, value)


def _one_of(option: str, known: Mapping[str, str], value: str | None) -> str | None:
    """The value of a name, or of the character itself."""
    if value is None or value in known.values():
        return value
    if value in known:
        return known[value]
    raise DialectRefused(option, value, f"one of {', '.join(known)}")
