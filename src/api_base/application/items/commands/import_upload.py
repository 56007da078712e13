"""Bring an uploaded file into the catalogue, chunk by chunk: the job of an import.

Each chunk is noted in its own unit of work, which commits only while the job is this worker's. So one that is killed or cancelled
has done what its journal says, and whoever tries it again goes on from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import Bus, Command
from api_base.application.items import permissions
from api_base.application.items.commands.import_upload_rows import ImportUploadRows
from api_base.application.items.dtos import ImportResultDTO
from api_base.application.items.importing import Importer, ItemMapping, Record
from api_base.application.items.importing.importer import Chunk, Outcomes
from api_base.application.items.importing.records import RecordReader, as_text
from api_base.application.items.importing.upload_journal import UploadJournal
from api_base.application.items.importing.uploads import Upload, Uploads
from api_base.core.errors import NotFound
from api_base.core.protocols import Isolation


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportUpload(Command[ImportResultDTO]):
    permission: ClassVar[str] = permissions.IMPORT
    isolation: ClassVar[Isolation] = Isolation.NONE
    import_id: UUID


class ImportUploadHandler:
    def __init__(self, bus: Bus, uploads: Uploads, read: RecordReader) -> None:
        self._bus, self._uploads, self._read = bus, uploads, read

    async def handle(self, command: ImportUpload) -> ImportResultDTO:
        """Raises `NotFound` for an upload that has expired, `UnreadableFile` where it ends to be what its form says, `JobLost`."""
        upload = await self._uploads.get(command.import_id)
        if upload is None:
            raise NotFound("import", command.import_id)
        journal = UploadJournal(upload)
        if upload.content is not None:
            await self._import(upload, upload.content, journal)
        return ImportResultDTO.of(journal.report, journal.refused_rows)

    async def _import(self, upload: Upload, content: bytes, journal: UploadJournal) -> None:
        mapping = ItemMapping.parse(upload.maps, upload.constants)
        journal.remember(mapping, enumerate(self._records(upload, content), 1))
        source = BytesIO(content)
        file = as_text(source)  # held: it closes its source when it goes
        _, records = self._read(file, upload.form)

        async def send(chunk: Chunk) -> Outcomes:
            percent = min(99, source.tell() * 100 // max(1, len(content)))
            rows = ImportUploadRows(import_id=upload.id, rows=chunk.rows, refused=chunk.refused, until=chunk.until, percent=percent)
            return await self._bus.execute(rows)

        await Importer(send, mapping, journal, journal).run(iter(enumerate(records, 1)))
        await self._bus.execute(
            ImportUploadRows(import_id=upload.id, rows=(), refused=(), until=journal.done, percent=99, complete=True)
        )  # fmt: skip

    def _records(self, upload: Upload, content: bytes) -> Iterator[Record]:
        return self._read(as_text(BytesIO(content)), upload.form)[1]
