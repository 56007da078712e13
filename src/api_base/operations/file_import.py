"""Imports a file from the command line: puts together the file, its mapping, its progress, the refused rows, the bus, and the user who acts.

The progress lives in the database that is imported into. A file of the same content that is imported with the same options into the same
tenant continues there.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO, Final
from uuid import UUID

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.imports import ChunkProgress, Import
from api_base.application.common.importing.journal import ImportJournal
from api_base.application.common.importing.records import FileFormat, SourceRow
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.bootstrap.context import Context
from api_base.bootstrap.importing import Importable, RunnableImport, seen_keys
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.importing.imports import SqlImports
from api_base.infrastructure.importing.refused import RefusedFile
from api_base.operations.acting import act_in_tenant

type ShowProgress = Callable[[int, int, Report], None]
"""Called with the bytes read, the size of the file in bytes and the report so far."""
STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """`file` "-" is standard input. `format` is csv, json or jsonl; None derives it from the name of the file."""

    kind: str
    file: str
    tenant: str
    email: str
    maps: Sequence[str]
    constants: Sequence[str]
    format: str | None
    dialect: Dialect
    refused: Path | None
    dry_run: bool
    resume: bool

    @property
    def file_format(self) -> FileFormat:
        """Raises `ConfigurationError` if the format is unknown."""
        suffix = Path(self.file).suffix.removeprefix(".").lower()
        format = self.format or {"ndjson": "jsonl", "tsv": "csv", "txt": "csv"}.get(suffix, suffix)
        if format not in list(FileFormat):
            raise ConfigurationError(f"--format: the format of {self.file} is unknown. Set csv, json or jsonl.")
        return FileFormat(format)

    @property
    def refused_path(self) -> Path:
        """The file for refused rows."""
        suffix = ".csv" if self.file_format is FileFormat.CSV else ".jsonl"
        return self.refused or Path(("stdin" if self.file == STANDARD_INPUT else Path(self.file).stem) + ".refused" + suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """The counts, the dialect that the file was read as, and where the refused rows of an earlier import are now."""

    report: Report
    read_as: str
    earlier_refused: Path | None


async def import_file(settings: Settings, contexts: Sequence[Context], options: ImportOptions, show: ShowProgress) -> ImportedFile:
    """Import a file.

    Raises `ConfigurationError` for wrong options, `MappingRefused`, `UnreadableFile`, `ImportedElsewhere`, `Forbidden`.
    """
    importable = _importable(contexts, options.kind)
    importable.check(options.maps, options.constants)
    async with opened(build(settings, contexts)) as services:
        await act_in_tenant(services, options.email, options.tenant)
        with ExitStack() as stack:
            file = _InputFile(options, stack)
            source = await asyncio.to_thread(file.identity)
            run = await asyncio.to_thread(
                importable.prepared, options.maps, options.constants, file.content, options.file_format, options.dialect
            )
            refused = RefusedFile(options.refused_path, run.columns, run.dialect)
            stack.callback(refused.close)
            interrupted = await _interrupted(options, services, run, source)
            journal = _journal(stack, interrupted)
            if interrupted is None:
                refused.begin()
            else:
                await asyncio.to_thread(_continue, run, journal, interrupted, refused)
            id = services.ports.ids.new() if interrupted is None else interrupted.id

            def progress(until: int, refused_rows: Sequence[RefusedRow]) -> ChunkProgress:
                file.check()
                begin = None if journal.done else _new(options, run, id, source)
                return ChunkProgress(
                    import_id=id, since=journal.done, until=until, refused=refused_rows, refused_file=refused.state, begin=begin
                )

            rows = file.watched(run.rows, journal.report, show)
            report = await run.run(rows, None if options.dry_run else services.bus, journal, refused, progress)
            return ImportedFile(report=report, read_as=run.dialect.described(), earlier_refused=refused.earlier)


def _importable(contexts: Sequence[Context], kind: str) -> Importable:
    known = {importable.kind: importable for context in contexts for importable in context.importable}
    if kind not in known:
        raise ConfigurationError(f"{kind!r} cannot be imported. Choose from {', '.join(sorted(known))}.")
    return known[kind]


async def _interrupted(options: ImportOptions, services: Services, run: RunnableImport, source: str) -> Import | None:
    """The interrupted import of this file that is to be continued."""
    found = await SqlImports(services.ports.database, services.ports.clock).interrupted(source)
    if found is None:
        return None
    if options.dry_run:
        raise ConfigurationError(
            f"--dry-run: an import of this file was interrupted after row {found.rows_done}. Run the command without --dry-run to continue it."
        )
    if options.resume:
        return found
    await run.end(services.bus, ChunkProgress(import_id=found.id, since=found.rows_done, until=found.rows_done))
    return None


def _journal(stack: ExitStack, interrupted: Import | None) -> ImportJournal:
    keys = seen_keys()
    stack.callback(keys.close)
    return ImportJournal(keys, interrupted)


def _continue(run: RunnableImport, journal: ImportJournal, interrupted: Import, refused: RefusedFile) -> None:
    reasons = {one.row: one.reason for one in interrupted.refused_rows}
    last = [(row, reasons[row.number]) for row in run.done(journal) if row.number in reasons]
    refused.resume(interrupted.refused_file, last)


def _new(options: ImportOptions, run: RunnableImport, id: UUID, source: str) -> Import:
    return Import(
        id=id,
        kind=options.kind,
        format=options.file_format,
        dialect=run.dialect,
        maps=options.maps,
        constants=options.constants,
        source=source,
    )


class _InputFile:
    """The file to import, which is read more than once: standard input and pipes are copied to a temporary file first."""

    def __init__(self, options: ImportOptions, stack: ExitStack) -> None:
        self._options = options
        try:
            piped = options.file == STANDARD_INPUT
            source: BinaryIO = sys.stdin.buffer if piped else stack.enter_context(Path(options.file).open("rb"))  # noqa: SIM115 -- as below
            self.content = source
            if piped or not source.seekable():
                self.content = stack.enter_context(TemporaryFile())  # noqa: SIM115 -- the stack closes it
                copyfileobj(source, self.content)
                self.content.flush()
        except OSError as error:
            raise ConfigurationError(f"{options.file} cannot be read: {error.strerror}.") from None
        self._state = os.fstat(self.content.fileno())
        if options.refused_path.exists() and os.path.samestat(options.refused_path.stat(), self._state):
            raise ConfigurationError(f"--refused: {options.refused_path} is the file to import. Name another file.")

    def identity(self) -> str:
        """The digest of the content and of everything that decides on its rows."""
        options = self._options
        digest = hashlib.sha256()
        self.content.seek(0)
        while piece := self.content.read(1 << 20):
            digest.update(piece)
        digest.update(repr((options.kind, options.file_format, options.dialect, tuple(options.maps), tuple(options.constants))).encode())
        return digest.hexdigest()

    def check(self) -> None:
        """Raises `ConfigurationError` if the file has changed since it was opened."""
        now = os.fstat(self.content.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._state.st_size, self._state.st_mtime_ns):
            raise ConfigurationError(
                f"{self._options.file} changed while it was imported. Run the command again to import it as it is now."
            )

    def watched(self, rows: Iterator[SourceRow], report: Report, show: ShowProgress) -> Iterator[SourceRow]:
        """The rows. Every 200 rows shows the progress."""
        for row in rows:
            if row.number % 200 == 0:
                show(self.content.tell(), self._state.st_size, report)
            yield row
