"""Wires what contexts declare as importable: the handlers and the job of an import over HTTP, and the importer for the command line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol
from uuid import UUID

from api_base.application.common.cqrs import Bus, Registration, on
from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.import_file import ImportFile, ImportFileHandler
from api_base.application.common.importing.import_rows import ImportRows, ImportRowsHandler, RowImporter
from api_base.application.common.importing.importer import Chunk, Importer, Outcomes, RefusedRows
from api_base.application.common.importing.imports import ChunkProgress
from api_base.application.common.importing.journal import ImportJournal, SeenKeys
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat, RecordSource, SourceRow
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.importing.source_files import SourceFile
from api_base.application.common.importing.start_import import StartImport, StartImportHandler
from api_base.application.common.jobs import Job
from api_base.application.services.feature_flags import IMPORT_FILES, require
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.content import OpenFileHandler
from api_base.core.types import current_context
from api_base.infrastructure.files.repository import SqlFileRepository
from api_base.infrastructure.importing.imports import SqlImports
from api_base.interface.versioning.shapes import NEWEST, Shapes

if TYPE_CHECKING:
    from api_base.bootstrap.context import Ports

TIMEOUT_SECONDS: Final = 3600.0

type ProgressOf = Callable[[int, Sequence[RefusedRow]], ChunkProgress]
"""The progress that is saved with a chunk, by its last row and the rows that were refused before it is sent."""


class RunnableImport(Protocol):
    """An import of one file."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def columns(self) -> Sequence[str] | None: ...

    @property
    def rows(self) -> Iterator[SourceRow]: ...

    def done(self, journal: ImportJournal) -> Iterator[SourceRow]: ...

    async def run(
        self, rows: Iterator[SourceRow], bus: Bus | None, journal: ImportJournal, refused: RefusedRows, progress: ProgressOf
    ) -> Report: ...

    async def end(self, bus: Bus, progress: ChunkProgress) -> None: ...


class Importable(Protocol):
    """A kind of import, whatever its rows."""

    @property
    def kind(self) -> str: ...

    @property
    def job(self) -> Job: ...

    def handlers(self, ports: "Ports") -> Sequence[Registration]: ...

    def check(self, maps: Sequence[str], constants: Sequence[str]) -> None: ...

    def prepared(
        self, maps: Sequence[str], constants: Sequence[str], file: BinaryIO, format: FileFormat, dialect: Dialect
    ) -> RunnableImport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileImport[T]:
    """Implements `Importable` for rows of type `T`, by the commands of the context.

    `start` checks a stored file, `file` is the job that imports it, `rows` saves a chunk: register it with `rows_handler`.
    `job_name` is the name of the job, such as `items.import`. `older` returns what a version of the API imports; None if that is the same in all.
    """

    schema: ImportSchema[T]
    older: Callable[[Shapes], ImportSchema[T]] | None = None
    job_name: str
    start: type[StartImport]
    file: type[ImportFile]
    rows: type[ImportRows[T]]

    @property
    def kind(self) -> str:
        """The name after `api-base import`."""
        return self.schema.kind

    @property
    def job(self) -> Job:
        """The declaration of the job."""
        return Job(name=self.job_name, message=self.file, timeout=TIMEOUT_SECONDS)

    def schema_of(self, shapes: Shapes) -> ImportSchema[T]:
        """The declaration in a version of the API."""
        return self.schema if self.older is None or shapes is NEWEST else self.older(shapes)

    def handlers(self, ports: "Ports") -> Sequence[Registration]:
        """The handlers of `start` and `file`."""
        imports, files = SqlImports(ports.database, ports.clock), _TenantFiles(ports)
        schemas = cache(lambda version: self.schema_of(ports.shapes(version)))
        start = StartImportHandler(schemas, self.file, imports, files, _readable, _open_beginning, ports.jobs, ports.ids, _allow(ports))
        return [
            on(self.start, start),
            on(self.file, ImportFileHandler(schemas, self.rows, ports.bus, imports, files, _readable, _open_source, seen_keys)),
        ]

    def check(self, maps: Sequence[str], constants: Sequence[str]) -> None:
        """Raises `MappingRefused` for a mapping that cannot work with any file."""
        ColumnMapping.parse(self.schema, maps, constants)

    def prepared(self, maps: Sequence[str], constants: Sequence[str], file: BinaryIO, format: FileFormat, dialect: Dialect) -> "_Run[T]":
        """The import of an open file from the command line. Raises `MappingRefused`, `UnreadableFile`."""
        return _Run(self.rows, PreparedFile.prepare(self.schema, maps, constants, _open_source, file, format, dialect))


class _TenantFiles:
    """Implements `SourceFiles`."""

    def __init__(self, ports: "Ports") -> None:
        self._checker, self._opener = ports.checker, OpenFileHandler(SqlFileRepository(ports.database), ports.storage)

    async def open(self, id: UUID) -> SourceFile:
        self._checker.check(current_context.get().principal, permissions.READ)
        return await self._opener.open(id)


class _Run[T]:
    """Implements `RunnableImport`."""

    def __init__(self, rows: type[ImportRows[T]], file: PreparedFile[T]) -> None:
        self._command, self._mapping = rows, file.mapping
        self.dialect, self.columns = file.dialect, file.columns
        self.rows = file.open().rows()

    def done(self, journal: ImportJournal) -> Iterator[SourceRow]:
        """Read the rows that are done, before `run`."""
        return journal.remember(self._mapping, self.rows)

    async def run(
        self, rows: Iterator[SourceRow], bus: Bus | None, journal: ImportJournal, refused: RefusedRows, progress: ProgressOf
    ) -> Report:
        """Import the other rows. `bus` None is a dry run."""

        async def send(chunk: Chunk[T]) -> Outcomes:
            assert bus is not None
            return await bus.execute(self._command(rows=chunk.rows, progress=progress(chunk.until, chunk.refused)))

        report = await Importer(send if bus else None, self._mapping, journal, refused).run(rows)
        if bus is not None and journal.done:
            await self.end(bus, progress(journal.done, ()))
        return report

    async def end(self, bus: Bus, progress: ChunkProgress) -> None:
        """Save that an import is complete, or that it is not to be continued."""
        await bus.execute(self._command(rows=(), progress=replace(progress, complete=True)))


def rows_handler[T](ports: "Ports", importer: RowImporter[T]) -> ImportRowsHandler[T]:
    """The handler of a command that saves rows."""
    return ImportRowsHandler(importer, SqlImports(ports.database, ports.clock), ports.job_progress, _allow(ports))


def _allow(ports: "Ports") -> Callable[[], None]:
    return partial(require, ports.flags, IMPORT_FILES)


def seen_keys() -> SeenKeys:
    """Keys of a new import, imported when they are needed."""
    from api_base.infrastructure.importing.keys import SqliteKeys

    return SqliteKeys()


def _readable(file: SourceFile) -> BinaryIO:
    """Implements `Readable`, imported when it is needed."""
    from api_base.infrastructure.importing import stored_file

    return stored_file.readable(file)


def _open_beginning(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """Implements `OpenSource` for a request, imported when it is needed."""
    from api_base.infrastructure.importing import readers

    return readers.open_beginning(file, format, dialect)


def _open_source(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """Implements `OpenSource`, imported when it is needed."""
    from api_base.infrastructure.importing import readers

    return readers.open_source(file, format, dialect)
