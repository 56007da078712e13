"""Wires what contexts declare as importable: the handlers and the job of an import over HTTP, and the importer for the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from api_base.application.common.cqrs import Bus, Registration, on
from api_base.application.common.importing.import_file import ImportFile, ImportFileHandler
from api_base.application.common.importing.import_rows import ImportRows, ImportRowsHandler, RowImporter
from api_base.application.common.importing.importer import Chunk, Importer, Journal, NumberedRecord, Outcomes, RefusedRows
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import FileFormat, Record
from api_base.application.common.importing.report import Report
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.importing.start_import import StartImport, StartImportHandler
from api_base.application.common.jobs import Job
from api_base.infrastructure.importing.uploads import SqlUploads

if TYPE_CHECKING:
    from api_base.bootstrap.context import Ports

TIMEOUT_SECONDS: Final = 3600.0


class RunnableImport(Protocol):
    """An import of one file."""

    async def run(self, records: Iterator[NumberedRecord]) -> Report: ...


class Importable(Protocol):
    """A kind of import, whatever its rows."""

    @property
    def kind(self) -> str: ...

    @property
    def job(self) -> Job: ...

    def handlers(self, ports: "Ports") -> Sequence[Registration]: ...

    def check(self, maps: Sequence[str], constants: Sequence[str], columns: Sequence[str] | None) -> None: ...

    def importer(
        self, bus: Bus | None, maps: Sequence[str], constants: Sequence[str], journal: Journal, refused: RefusedRows
    ) -> RunnableImport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileImport[T]:
    """Implements `Importable` for rows of type `T`, by the commands of the context.

    `start` stores an uploaded file, `file` is the job that imports it, `rows` saves a chunk: register it with `rows_handler`.
    `job_name` is the name of the job, such as `items.import`.
    """

    schema: ImportSchema[T]
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

    def handlers(self, ports: "Ports") -> Sequence[Registration]:
        """The handlers of `start` and `file`."""
        uploads = SqlUploads(ports.database, ports.clock)
        return [
            on(self.start, StartImportHandler(self.schema, self.file, uploads, _records, ports.jobs, ports.ids)),
            on(self.file, ImportFileHandler(self.schema, self.rows, ports.bus, uploads, _records)),
        ]

    def check(self, maps: Sequence[str], constants: Sequence[str], columns: Sequence[str] | None) -> None:
        """Raises `MappingRefused` for a mapping that cannot work, and for a missing column if the format names `columns`."""
        mapping = ColumnMapping.parse(self.schema, maps, constants)
        if columns is not None:
            mapping.check(columns)

    def importer(
        self, bus: Bus | None, maps: Sequence[str], constants: Sequence[str], journal: Journal, refused: RefusedRows
    ) -> Importer[T]:
        """The importer of a file. `bus` None is a dry run."""

        async def send(chunk: Chunk[T]) -> Outcomes:
            assert bus is not None
            return await bus.execute(self.rows(rows=chunk.rows))

        return Importer(send if bus else None, ColumnMapping.parse(self.schema, maps, constants), journal, refused)


def rows_handler[T](ports: "Ports", importer: RowImporter[T]) -> ImportRowsHandler[T]:
    """The handler of a command that saves rows."""
    return ImportRowsHandler(importer, SqlUploads(ports.database, ports.clock), ports.job_progress)


def _records(file: TextIO, format: FileFormat) -> tuple[list[str] | None, Iterator[Record]]:
    """Implements `RecordReader`, imported when it is needed."""
    from api_base.infrastructure.importing import readers

    return readers.records(file, format)
