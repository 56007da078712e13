"""The job of an import: it imports an uploaded file, chunk by chunk.

The progress of a chunk is saved in its transaction, which commits only while the job belongs to this worker. After a crash or a
cancellation, the saved progress is exact, and the next attempt continues from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from typing import TextIO
from uuid import UUID

from api_base.application.common.cqrs import Bus, Command
from api_base.application.common.importing.import_rows import ImportRows
from api_base.application.common.importing.importer import Chunk, Importer, NumberedRecord, Outcomes
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import Record, RecordReader, as_text
from api_base.application.common.importing.report import ImportResultDTO, RefusedRow
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.importing.uploads import MAX_REFUSED_ROWS, ChunkProgress, Upload, Uploads
from api_base.core.errors import Invalid, NotFound
from api_base.core.protocols import Isolation


class UploadJournal:
    """Implements `Journal` and `RefusedRows` in the memory of the worker: an upload is small. The database is updated with each chunk."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile(Command[ImportResultDTO]):
    """Each kind of import has a subclass with its permission."""

    isolation = Isolation.NONE
    import_id: UUID


class ImportFileHandler[T]:
    """`rows` is the command that saves a chunk."""

    def __init__(self, schema: ImportSchema[T], rows: type[ImportRows[T]], bus: Bus, uploads: Uploads, read: RecordReader) -> None:
        self._schema, self._rows, self._bus, self._uploads, self._read = schema, rows, bus, uploads, read

    async def handle(self, command: ImportFile) -> ImportResultDTO:
        """Raises `NotFound` for an upload that has expired, `UnreadableFile` for a file that does not match its format, `JobLost`."""
        upload = await self._uploads.get(command.import_id)
        if upload is None or upload.kind != self._schema.kind:
            raise NotFound("import", command.import_id)
        journal = UploadJournal(upload)
        if upload.content is not None:
            await self._import(upload, upload.content, journal)
        return ImportResultDTO.of(journal.report, journal.refused_rows)

    async def _import(self, upload: Upload, content: bytes, journal: UploadJournal) -> None:
        mapping = ColumnMapping.parse(self._schema, upload.maps, upload.constants)
        journal.remember(mapping, self._records(upload, as_text(BytesIO(content))))
        source = BytesIO(content)
        file = as_text(source)  # a wrapper closes its source when it is deleted

        async def send(chunk: Chunk[T]) -> Outcomes:
            percent = min(99, source.tell() * 100 // max(1, len(content)))
            progress = ChunkProgress(import_id=upload.id, until=chunk.until, percent=percent, refused=chunk.refused)
            return await self._bus.execute(self._rows(rows=chunk.rows, progress=progress))

        await Importer(send, mapping, journal, journal).run(self._records(upload, file))
        complete = ChunkProgress(import_id=upload.id, until=journal.done, percent=99, complete=True)
        await self._bus.execute(self._rows(rows=(), progress=complete))

    def _records(self, upload: Upload, file: TextIO) -> Iterator[NumberedRecord]:
        return enumerate(self._read(file, upload.format)[1], 1)
