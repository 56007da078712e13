"""Rows of a CSV file [RFC 4180] as lists of fields. A row that cannot be read is refused, and the next line begins a new row.

A quote that is not closed takes the following lines with it, up to the next quote. When that shows the mistake, these lines are read again,
from a budget that grows with the file: the whole file takes linear time whatever it holds.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final, TextIO

from api_base.infrastructure.importing.csv_dialect import reader

MAX_ROW_LENGTH: Final = 1 << 20
"""Characters of a row and of the first line: the limit bounds the memory."""
SHOWN_LENGTH: Final = 1000
"""Characters that are kept of a row that is too long."""
READ_AGAIN: Final = 1 << 14
"""Characters that may be read again, in addition to the length of the file so far."""
_REASONS: Final = {
    "expected after": "has text after a closing quote",
    "field larger than field limit": f"has more than {MAX_ROW_LENGTH} characters",
    "new-line character seen in unquoted field": "has a line break without quotes around its field",
    "unexpected end of data": "has a quote that is not closed",
}
"""Our words by a part of the parser's, which never leave the process."""


class Lines(Iterator[str]):
    """The lines of a file for the parser. `taken` are those of the current row, and `length` is their length in characters."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._again, self._budget = file, deque[str](), READ_AGAIN
        self.taken: list[str] = []
        self.length = 0

    def __next__(self) -> str:
        line = "" if self.taken and self._budget < 0 else self._read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.length += len(line)
        if self.length > MAX_ROW_LENGTH:
            raise csv.Error("field larger than field limit")
        return line

    def _read(self) -> str:
        return self._again.popleft() if self._again else self._file.readline(MAX_ROW_LENGTH + 1)

    def sample(self, rows: int, characters: int) -> list[str]:
        """Lines from here on, which are read again. The last one may be cut off."""
        found: list[str] = []
        length = 0
        while len(found) < rows and length < characters and (line := self._read()):
            found.append(line)
            length += len(line)
        self._again.extendleft(reversed(found))
        return [line[:characters] for line in found]

    def begin_row(self) -> None:
        """The lines from here on belong to a new row."""
        self._budget += self.length
        self.taken, self.length = [], 0

    def keep_first_line(self) -> str:
        """End the row after its first line, which is returned. The others are read again, apart from the rest of a line that is too long."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self._budget -= self.length - len(first)
        self.taken, self.length, rest = [first], len(first), first
        while len(rest) > MAX_ROW_LENGTH and not rest.endswith(("\n", "\r")):
            rest = self._read()
        return first


class Fields:
    """The fields of each row that is not blank, and the reason if the row cannot be read. Then the fields are those of its first line."""

    def __init__(self, lines: Lines, delimiter: str, quote: str) -> None:
        self._lines, self._delimiter, self._quote = lines, delimiter, quote
        self._reader = reader(lines, delimiter, quote, strict=True)

    def next(self) -> tuple[list[str], str | None] | None:
        """The next row, or None at the end."""
        while True:
            self._lines.begin_row()
            try:
                fields = next(self._reader)
            except StopIteration:
                return None
            except csv.Error as error:
                return self._refused(str(error))
            if any(fields):
                return fields, None

    def _refused(self, parser_message: str) -> tuple[list[str], str]:
        several = len(self._lines.taken) > 1
        first = self._lines.keep_first_line()
        too_long = len(first) > MAX_ROW_LENGTH
        shown = first[:SHOWN_LENGTH] if too_long else first.rstrip("\r\n")
        fields = next(reader(iter([shown]), self._delimiter, self._quote), [])
        message = "unexpected end of data" if several and not too_long else parser_message
        return fields, next((words for part, words in _REASONS.items() if part in message), "is not CSV")
