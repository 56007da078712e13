"""The journal of an upload, in the memory of its worker: an upload is small. The database is updated with each chunk."""

from collections.abc import Iterator
from itertools import takewhile

from api_base.application.common.importing.importer import NumberedRecord
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import Record
from api_base.application.common.importing.report import RefusedRow
from api_base.application.common.importing.uploads import MAX_REFUSED_ROWS, Upload
from api_base.core.errors import Invalid


class UploadJournal:
    """Implements `Journal` and `RefusedRows`."""

    def __init__(self, upload: Upload) -> None:
        self.done, self.report = upload.rows_done, upload.report
        self.refused_rows = list(upload.refused_rows)
        self._first: dict[str, int] = {}

    def remember[T](self, mapping: ColumnMapping[T], records: Iterator[NumberedRecord]) -> None:
        """Read the keys of the rows that are done, so that a later row cannot repeat them."""
        for number, record in takewhile(lambda one: one[0] <= self.done, records):
            try:
                self.first_row_of(mapping.schema.key_of(mapping.row(record)), number)
            except Invalid:
                continue

    def first_row_of(self, key: str, row: int) -> int:
        """The first row with this key: `row` itself unless an earlier row has it."""
        return self._first.setdefault(key, row)

    def commit(self, row: int) -> None:
        """Mark all rows up to `row` as done."""
        self.done = row

    def write(self, row: int, record: Record, reason: str) -> None:
        """Keep the row number and the reason, up to `MAX_REFUSED_ROWS`."""
        del record
        if len(self.refused_rows) < MAX_REFUSED_ROWS:
            self.refused_rows.append(RefusedRow(row=row, reason=reason))
