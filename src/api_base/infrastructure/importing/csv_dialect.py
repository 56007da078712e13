"""The delimiter and the quote of a CSV file, from its first lines."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from api_base.application.common.importing.dialect import DELIMITERS, Dialect, is_delimiter

_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line of files that Excel wrote for other countries."""
_SINGLE_QUOTED: Final = re.compile(r"'[^']++'(?:[,;\t|]'[^']++')*+\s*")


def reader(lines: Iterable[str], delimiter: str, quote: str, *, strict: bool = False) -> Iterator[list[str]]:
    """The parser. `quote` is empty if fields have no quotes."""
    if quote:
        return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=strict)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=strict)


def separator_of(line: str) -> str | None:
    """The delimiter that the line `sep=;` names; None for any other line."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return match[1] if match and is_delimiter(match[1]) else None


def completed(dialect: Dialect, sample: Sequence[str]) -> Dialect:
    """The dialect with the quote and the delimiter of the sample."""
    quote = dialect.quote
    if quote is None:
        quote = "'" if sample and _SINGLE_QUOTED.fullmatch(sample[0]) else '"'
    delimiter = dialect.delimiter
    if delimiter is None:
        delimiter = max(DELIMITERS.values(), key=lambda one: _fit(sample, one, quote))
    return replace(dialect, delimiter=delimiter, quote=quote, items="")


def _fit(sample: Sequence[str], delimiter: str, quote: str) -> tuple[int, int]:
    """The number of rows that have as many fields as the first one, if it has several; then the number of these fields."""
    widths = [len(row) for row in reader(sample, delimiter, quote) if row]
    width = widths[0] if widths else 0
    return (widths.count(width), width) if width > 1 else (0, 0)
