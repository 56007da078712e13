"""An import of items as a whole: file, mapping, journal, refused rows and the bus, put together."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from api_base.application.items.importing import Form, Importer, ItemMapping, Record, Report, bus_sender
from api_base.application.items.importing.records import DECODING, ENCODING
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.importing import readers
from api_base.infrastructure.importing.journal import SqliteJournal
from api_base.infrastructure.importing.refused import RefusedFile
from api_base.operations.acting import act_as


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """`file` "-" is standard input. `format` is csv, json or jsonl; None goes by the file's name."""

    file: str
    tenant: str
    email: str
    maps: Sequence[str]
    constants: Sequence[str]
    format: str | None
    refused: Path | None
    dry_run: bool
    resume: bool

    @property
    def form(self) -> Form:
        """Raises `ConfigurationError` where the form cannot be told."""
        form = self.format or Path(self.file).suffix.removeprefix(".").lower().replace("ndjson", "jsonl")
        if form not in list(Form):
            raise ConfigurationError(f"--format: cannot tell what {self.file} is; say csv, json or jsonl.")
        return Form(form)

    @property
    def refused_path(self) -> Path:
        suffix = ".csv" if self.form is Form.CSV else ".jsonl"
        return self.refused or Path(("stdin" if self.file == "-" else Path(self.file).stem) + ".refused" + suffix)


async def import_items(
    settings: Settings, contexts: Sequence[Context], options: ImportOptions, progress: Callable[[int, int, Report], None]
) -> Report:
    """Import a file. `progress` is told bytes read, bytes in all (0: not known) and the report so far, for each row read."""
    mapping = ItemMapping.parse(options.maps, options.constants)
    async with opened(build(settings, contexts)) as services:
        await act_as(services, options.email, options.tenant)
        with ExitStack() as stack:
            file = _opened(options, stack)
            columns, records = readers.records(file, options.form)
            if columns is not None:
                mapping.check(columns)
            journal = SqliteJournal(_journal_path(settings, options), resume=options.resume)
            stack.callback(journal.close)
            refused = RefusedFile(options.refused_path, columns, journal.refused_size)
            stack.callback(refused.close)
            journal.flush_refused = refused.flush
            importer = Importer(None if options.dry_run else bus_sender(services.bus), mapping, journal, refused)
            report = await importer.run(_watched(records, file, importer, progress))
            refused.flush()
            journal.finish()
            return report


def _opened(options: ImportOptions, stack: ExitStack) -> TextIO:
    if options.file == "-":
        return stack.enter_context(open(sys.stdin.fileno(), encoding=ENCODING, errors=DECODING, newline="", closefd=False))
    path = Path(options.file)
    try:
        file = stack.enter_context(path.open(encoding=ENCODING, errors=DECODING, newline=""))
    except OSError as error:
        raise ConfigurationError(f"{options.file} cannot be read: {error.strerror}.") from None
    if options.refused_path.exists() and options.refused_path.samefile(path):
        raise ConfigurationError(f"--refused: {options.refused_path} is the file to import itself.")
    return file


def _watched(
    records: Iterator[Record], file: TextIO, importer: Importer, progress: Callable[[int, int, Report], None]
) -> Iterator[tuple[int, Record]]:
    size = Path(file.name).stat().st_size if Path(str(file.name)).is_file() else 0
    for number, record in enumerate(records, 1):
        if number % 200 == 0:
            progress(file.buffer.tell() if size else 0, size, importer.report)
        yield number, record


def _journal_path(settings: Settings, options: ImportOptions) -> Path | None:
    """Where the journal of this very import lies: the same file, unchanged, with the same mapping into the same tenant."""
    if options.file == "-" or options.dry_run:
        return None
    path = Path(options.file).absolute()
    state = path.stat()
    identity = repr((str(path), state.st_size, state.st_mtime_ns, options.tenant, tuple(options.maps), tuple(options.constants)))
    return settings.database.data_dir / "imports" / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.sqlite"
