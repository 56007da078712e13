"""The columns and rows of a CSV file, as records."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.records import ADDED_COLUMNS, Record, SourceRow, UnreadableFile
from api_base.core.shared.formula_cells import original_cell
from api_base.infrastructure.importing import text
from api_base.infrastructure.importing.csv_dialect import completed, separator_of
from api_base.infrastructure.importing.csv_lines import MAX_ROW_LENGTH, Fields, Lines

MAX_COLUMNS: Final = 16_384
"""As many as a spreadsheet has."""
SAMPLE_CHARACTERS: Final = 1 << 16
SAMPLE_LINES: Final = 100


class CsvSource:
    """Implements `RecordSource` for a file with a known encoding.

    Without a header line the columns are called 1, 2, 3 … A file of ours, of refused rows or an export, always has one, with the column `_row`.
    """

    def __init__(self, file: BinaryIO, dialect: Dialect, encoding: str) -> None:
        csv.field_size_limit(MAX_ROW_LENGTH)
        self._encoding = encoding
        lines = Lines(text.opened(file, encoding))
        sample = lines.sample(SAMPLE_LINES, SAMPLE_CHARACTERS)
        if sample and (separator := separator_of(sample[0])):
            next(lines)
            sample, dialect = sample[1:], replace(dialect, delimiter=dialect.delimiter or separator)
        dialect = replace(completed(dialect, sample), encoding=encoding)
        self._lines, self._fields = lines, Fields(lines, dialect.delimiter or "", dialect.quote or "")
        first = self._first_row()
        self._of_ours = ADDED_COLUMNS[0] in first
        self._first = None if dialect.header or self._of_ours else first
        self._names = first if self._first is None else [str(number) for number in range(1, len(first) + 1)]
        self.dialect = replace(dialect, header=self._first is None)
        self.columns: Sequence[str] = [name for name in self._names if not self._added(name)]

    def _first_row(self) -> list[str]:
        first, reason = self._fields.next() or ([], None)
        if not first:
            raise UnreadableFile("The file is empty: its first line must name the columns.")
        if reason := reason or self._undecodable():
            raise UnreadableFile(f"Line 1 {reason}.")
        if len(first) > MAX_COLUMNS:
            raise UnreadableFile(f"Line 1 has {len(first)} columns; at most {MAX_COLUMNS} are allowed.")
        return [name.strip() for name in first]

    def rows(self) -> Iterator[SourceRow]:
        """The rows after the line that names the columns."""
        number = 0
        found: tuple[list[str], str | None] | None = None if self._first is None else (self._first, None)
        while found := found or self._fields.next():
            number += 1
            fields, reason = found
            yield self._row(number, fields, reason or self._undecodable())
            found = None

    def _row(self, number: int, fields: list[str], reason: str | None) -> SourceRow:
        if reason is None and len(fields) != len(self._names):
            reason = f"has {len(fields)} {'field' if len(fields) == 1 else 'fields'} where the first line has {len(self._names)}"
        original = number
        if self._of_ours:
            noted = dict(zip(self._names, fields, strict=False)).get(ADDED_COLUMNS[0], "")
            original = int(noted) if noted.isdecimal() and len(noted) < 10 else number
            kept = [field for index, field in enumerate(fields) if index >= len(self._names) or not self._added(self._names[index])]
            fields = [original_cell(field) for field in kept]
        record: Record = {} if reason else dict(zip(self.columns, fields, strict=True))
        return SourceRow(number=number, original=original, record=record, content=fields, size=self._lines.length, fault=reason)

    def _undecodable(self) -> str | None:
        return next((reason for line in self._lines.taken if (reason := text.fault(line, self._encoding))), None)

    def _added(self, name: str) -> bool:
        return self._of_ours and name in ADDED_COLUMNS
