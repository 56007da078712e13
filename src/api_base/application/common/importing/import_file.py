"""The job of an import: it imports an uploaded file, chunk by chunk.

The progress of a chunk is saved in its transaction, which commits only while the job belongs to this worker. After a crash or a
cancellation, the saved progress is exact, and the next attempt continues from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar, TextIO
from uuid import UUID

from api_base.application.common.cqrs import Bus, Command
from api_base.application.common.importing.import_rows import RowsCommand
from api_base.application.common.importing.importer import Chunk, Importer, NumberedRecord, Outcomes
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import RecordReader, as_text
from api_base.application.common.importing.report import ImportResultDTO
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.importing.upload_journal import UploadJournal
from api_base.application.common.importing.uploads import ChunkProgress, Upload, Uploads
from api_base.core.errors import NotFound
from api_base.core.protocols import Isolation


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile(Command[ImportResultDTO]):
    """Each kind of import has a subclass with its permission."""

    isolation: ClassVar[Isolation] = Isolation.NONE
    import_id: UUID


class ImportFileHandler[T]:
    """`rows` is the command that saves a chunk."""

    def __init__(self, schema: ImportSchema[T], rows: RowsCommand[T], bus: Bus, uploads: Uploads, read: RecordReader) -> None:
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
