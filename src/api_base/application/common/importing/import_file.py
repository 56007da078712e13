"""The job of an import: it imports a stored file, chunk by chunk.

The progress of a chunk is saved in its transaction, which commits only while the job belongs to this worker. After a crash or a
cancellation, the saved progress is exact, and the next attempt continues from there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import Bus, Command
from api_base.application.common.importing.import_rows import ImportRows
from api_base.application.common.importing.importer import Chunk, Importer, Outcomes
from api_base.application.common.importing.imports import ChunkProgress, Import, Imports
from api_base.application.common.importing.journal import FirstRefusedRows, ImportJournal, SeenKeys
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import OpenSource
from api_base.application.common.importing.report import ImportResultDTO
from api_base.application.common.importing.schema import ImportSchema, SchemaOf
from api_base.application.common.importing.source_files import Readable, SourceFile, SourceFiles
from api_base.application.common.importing.threads import in_reading_thread
from api_base.core.errors import NotFound
from api_base.core.protocols import Isolation


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile(Command[ImportResultDTO]):
    """Each kind of import has a subclass with its permission. `version` is that of the API whose names the columns have; None is the newest one."""

    isolation = Isolation.NONE
    import_id: UUID
    version: int | None = None


class ImportFileHandler[T]:
    """`rows` is the command that saves a chunk."""

    def __init__(
        self,
        schema: SchemaOf[T],
        rows: type[ImportRows[T]],
        bus: Bus,
        imports: Imports,
        files: SourceFiles,
        readable: Readable,
        open_source: OpenSource,
        seen_keys: Callable[[], SeenKeys],
    ) -> None:
        self._schema, self._rows, self._bus, self._imports = schema, rows, bus, imports
        self._files, self._readable, self._open_source, self._seen_keys = files, readable, open_source, seen_keys

    async def handle(self, command: ImportFile) -> ImportResultDTO:
        """Raises `UnreadableFile` for a file that does not match its format, `JobLost`, and what `SourceFiles` raises.

        Raises `NotFound` for an import that has expired, too.
        """
        started, schema = await self._imports.get(command.import_id), self._schema(command.version)
        if started is None or started.kind != schema.kind:
            raise NotFound("import", command.import_id)
        refused = FirstRefusedRows(started)
        if started.file_id is not None:
            await self._import(started, schema, await self._files.open(started.file_id), refused)
        return ImportResultDTO.of(started.report, refused.rows)

    async def _import(self, started: Import, schema: ImportSchema[T], source: SourceFile, refused: FirstRefusedRows) -> None:
        file, keys = self._readable(source), self._seen_keys()
        journal = ImportJournal(keys, started)

        async def send(chunk: Chunk[T]) -> Outcomes:
            percent = min(99, file.tell() * 100 // max(1, source.size))
            progress = ChunkProgress(import_id=started.id, since=journal.done, until=chunk.until, percent=percent, refused=chunk.refused)
            return await self._bus.execute(self._rows(rows=chunk.rows, progress=progress))

        try:
            prepared = await in_reading_thread(
                PreparedFile.prepare,
                schema,
                started.maps,
                started.constants,
                self._open_source,
                file,
                started.format,
                started.dialect,
            )
            rows = await in_reading_thread(lambda: prepared.open().rows())
            if journal.done:
                await in_reading_thread(_exhaust, journal.remember(prepared.mapping, rows))
            await Importer(send, prepared.mapping, journal, refused).run(rows)
            complete = ChunkProgress(import_id=started.id, since=journal.done, until=journal.done, percent=99, complete=True)
            await self._bus.execute(self._rows(rows=(), progress=complete))
        finally:
            keys.close()
            file.close()  # the thread of a cancelled import reads no further


def _exhaust(rows: Iterable[object]) -> None:
    for _ in rows:
        pass
