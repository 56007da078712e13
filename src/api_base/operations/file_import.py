"""Imports a file from the command line: puts together the file, its mapping, the journal, the refused rows, the bus, and the user who acts."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from api_base.application.common.importing.importer import NumberedRecord
from api_base.application.common.importing.records import DECODING_ERRORS, ENCODING, FileFormat, Record
from api_base.application.common.importing.report import Report
from api_base.application.tenants.queries import ListMyTenants
from api_base.bootstrap.context import Context
from api_base.bootstrap.importing import Importable
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.types import RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import UserStatus
from api_base.infrastructure.importing import readers
from api_base.infrastructure.importing.journal import RefusedFile, SqliteJournal
from api_base.infrastructure.users.repository import SqlUserRepository

type Progress = Callable[[int, int, Report], None]
"""Called with the bytes read, the size of the file in bytes (0 if unknown) and the report so far."""


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
    refused: Path | None
    dry_run: bool
    resume: bool

    @property
    def file_format(self) -> FileFormat:
        """Raises `ConfigurationError` if the format is unknown."""
        format = self.format or Path(self.file).suffix.removeprefix(".").lower().replace("ndjson", "jsonl")
        if format not in list(FileFormat):
            raise ConfigurationError(f"--format: the format of {self.file} is unknown. Set csv, json or jsonl.")
        return FileFormat(format)

    @property
    def refused_path(self) -> Path:
        """The file for refused rows."""
        suffix = ".csv" if self.file_format is FileFormat.CSV else ".jsonl"
        return self.refused or Path(("stdin" if self.file == "-" else Path(self.file).stem) + ".refused" + suffix)


async def import_file(settings: Settings, contexts: Sequence[Context], options: ImportOptions, progress: Progress) -> Report:
    """Import a file. Raises `ConfigurationError` for wrong options, `MappingRefused`, `UnreadableFile`, `Forbidden`."""
    importable = _importable(contexts, options.kind)
    importable.check(options.maps, options.constants, None)
    async with opened(build(settings, contexts)) as services:
        await _act_as(services, options.email, options.tenant)
        with ExitStack() as stack:
            file = _opened(options, stack)
            columns, records = readers.records(file, options.file_format)
            importable.check(options.maps, options.constants, columns)
            journal = SqliteJournal(_journal_path(settings, options), resume=options.resume)
            stack.callback(journal.close)
            refused = RefusedFile(options.refused_path, columns, journal.refused_size)
            stack.callback(refused.close)
            journal.flush_refused = refused.flush
            bus = None if options.dry_run else services.bus
            importer = importable.importer(bus, options.maps, options.constants, journal, refused)
            report = await importer.run(_watched(records, file, journal.report, progress))
            refused.flush()
            journal.finish()
            return report


def _importable(contexts: Sequence[Context], kind: str) -> Importable:
    known = {importable.kind: importable for context in contexts for importable in context.importable}
    if kind not in known:
        raise ConfigurationError(f"{kind!r} cannot be imported. Choose from {', '.join(sorted(known))}.")
    return known[kind]


def _opened(options: ImportOptions, stack: ExitStack) -> TextIO:
    if options.file == "-":
        return stack.enter_context(open(sys.stdin.fileno(), encoding=ENCODING, errors=DECODING_ERRORS, newline="", closefd=False))
    path = Path(options.file)
    try:
        file = stack.enter_context(path.open(encoding=ENCODING, errors=DECODING_ERRORS, newline=""))
    except OSError as error:
        raise ConfigurationError(f"{options.file} cannot be read: {error.strerror}.") from None
    if options.refused_path.exists() and options.refused_path.samefile(path):
        raise ConfigurationError(f"--refused: {options.refused_path} is the file to import. Name another file.")
    return file


def _watched(records: Iterator[Record], file: TextIO, report: Report, progress: Progress) -> Iterator[NumberedRecord]:
    size = Path(file.name).stat().st_size if Path(str(file.name)).is_file() else 0
    for number, record in enumerate(records, 1):
        if number % 200 == 0:
            progress(file.buffer.tell() if size else 0, size, report)
        yield number, record


def _journal_path(settings: Settings, options: ImportOptions) -> Path | None:
    """The journal of this import: of the same unchanged file with the same mapping into the same tenant."""
    if options.file == "-" or options.dry_run:
        return None
    path = Path(options.file).absolute()
    state = path.stat()
    mapping = (options.kind, options.tenant, tuple(options.maps), tuple(options.constants))
    identity = repr((str(path), state.st_size, state.st_mtime_ns, *mapping))
    return settings.database.data_dir / "imports" / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.sqlite"


async def _act_as(services: Services, email: str, tenant: str) -> None:
    """Act in this task as the user with this address, in the tenant with this slug or id, with the same permissions as over HTTP.

    Raises `ConfigurationError` for an unknown user or tenant, `Invalid` for an invalid address.
    """
    current_context.set(RequestContext(request_id="command-line"))
    user = await SqlUserRepository(services.ports.database).by_email(EmailAddress.parse(email, "--as"))
    if user is None or user.status is not UserStatus.ACTIVE:
        raise ConfigurationError(f"--as: no active user has the address {email}.")
    await _act_in(services, UserId(user.id), None)
    mine = await services.bus.execute(ListMyTenants())
    chosen = next((one for one in mine if tenant in (one.slug, str(one.id))), None)
    if chosen is None:
        known = ", ".join(one.slug for one in mine) or "none"
        raise ConfigurationError(f"--tenant: {email} is not a member of the tenant {tenant!r}, but of these: {known}.")
    await _act_in(services, UserId(user.id), TenantId(chosen.id))


async def _act_in(services: Services, user: UserId, tenant: TenantId | None) -> None:
    principal = await services.container.access.resolve(user, tenant)
    current_context.set(RequestContext(request_id="command-line", principal=principal))
