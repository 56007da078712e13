"""The journal of an import in this process. The database is updated with each chunk."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from api_base.application.common.importing.imports import MAX_REFUSED_ROWS, Import
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import SourceRow
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.core.errors import Invalid


class SeenKeys(Protocol):
    """The keys of the rows so far. Memory does not grow with their number."""

    def first_row_of(self, key: str, row: int) -> int:
        """The first row with this key: `row` itself unless an earlier row has it."""
        ...

    def close(self) -> None:
        """Forget the keys."""
        ...


class ImportJournal:
    """`done` is the last row that is done, and `report` counts the rows so far, those before an interruption included."""

    def __init__(self, keys: SeenKeys, interrupted: Import | None = None) -> None:
        self.done = interrupted.rows_done if interrupted else 0
        self.report = interrupted.report if interrupted else Report()
        self.first_row_of = keys.first_row_of

    def remember[T](self, mapping: ColumnMapping[T], rows: Iterator[SourceRow]) -> Iterator[SourceRow]:
        """Read the rows that are done, so that a later row cannot repeat one of their keys, and yield them."""
        while self.done and (row := next(rows, None)):
            if row.fault is None:
                with suppress(Invalid):
                    self.first_row_of(mapping.schema.key_of(mapping.row(row.record, row.original)), row.number)
            yield row
            if row.number >= self.done:
                return


class FirstRefusedRows:
    """Implements `RefusedRows` for a stored file: keeps the row numbers and reasons of the first ones."""

    def __init__(self, started: Import) -> None:
        self.rows = list(started.refused_rows)

    def write(self, rows: Iterator[tuple[SourceRow, str]]) -> None:
        """Keep the numbers and the reasons, up to `MAX_REFUSED_ROWS`."""
        for row, reason in rows:
            if len(self.rows) < MAX_REFUSED_ROWS:
                self.rows.append(RefusedRow(row=row.number, reason=reason))
