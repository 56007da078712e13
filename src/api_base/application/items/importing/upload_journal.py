"""The journal of an upload as its worker has it in memory: an upload is small enough for that."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from api_base.application.items.importing.importer import Row
from api_base.application.items.importing.mapping import ItemMapping
from api_base.application.items.importing.report import Report
from api_base.application.items.importing.uploads import MAX_REFUSED_ROWS, RefusedRow, Upload
from api_base.core.errors import Invalid


class UploadJournal:
    """Implements `Journal` and `RefusedRows`. What is noted in the database is noted with each chunk, not here."""

    def __init__(self, upload: Upload) -> None:
        counts = upload.counts
        self.done = upload.done
        self.report = Report(created=counts.created, updated=counts.updated, unchanged=counts.unchanged, refused=counts.refused)
        self.refused_rows = list(upload.refused_rows)
        self._first: dict[str, int] = {}

    def remember(self, mapping: ItemMapping, rows: Iterator[Row]) -> None:
        """Where the skus of the rows that are done stood first."""
        for number, record in takewhile(lambda row: row[0] <= self.done, rows):
            try:
                self.first_row_of(mapping.details(record).sku, number)
            except Invalid:
                continue

    def first_row_of(self, sku: str, row: int) -> int:
        return self._first.setdefault(sku, row)

    def commit(self, row: int) -> None:
        self.done = row

    def write(self, row: int, record: Mapping[str, Any], reason: str) -> None:
        del record
        if len(self.refused_rows) < MAX_REFUSED_ROWS:
            self.refused_rows.append(RefusedRow(row=row, reason=reason))
