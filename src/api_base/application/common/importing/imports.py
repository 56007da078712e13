"""Imports and their progress, stored in the database that they are about: of stored files, and of files on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.records import FileFormat
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.core.errors import RuleViolated

MAX_REFUSED_ROWS: Final = 1000
"""Refused rows that are stored with their reasons. All of them are counted."""


class ImportedElsewhere(RuleViolated):
    """Another process imports the same file."""

    def __init__(self) -> None:
        super().__init__("Another process imports this file into this tenant. Wait until it has ended, then run the command again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFileState:
    """The file of refused rows before the last chunk: its size in bytes and its SHA-256 digest."""

    size: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """`maps` and `constants` are as `ColumnMapping.parse` takes them. Rows up to `rows_done` are imported; `report` describes them.

    `file_id` is a stored file, None once the import is complete. From the command line, `source` identifies the file and its mapping
    until the import is complete. `refused_rows` are the first ones of a stored file, and those of the last chunk from the command line.
    """

    id: UUID
    kind: str
    format: FileFormat
    dialect: Dialect
    maps: Sequence[str]
    constants: Sequence[str]
    file_id: UUID | None = None
    source: str | None = None
    rows_done: int = 0
    report: Report = field(default_factory=Report)
    refused_rows: Sequence[RefusedRow] = ()
    refused_file: RefusedFileState = RefusedFileState()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkProgress:
    """The progress that is saved with the rows from `since` + 1 `until`, of which `refused` were refused before they were sent.

    `begin` is the import itself, with its first chunk from the command line. `percent` is the job's.
    """

    import_id: UUID
    since: int
    until: int
    percent: int = 0
    refused: Sequence[RefusedRow] = ()
    refused_file: RefusedFileState = RefusedFileState()
    begin: Import | None = None
    complete: bool = False


class Imports(Protocol):
    """The imports of the current request's tenant."""

    async def add(self, new: Import) -> None:
        """Store a new import in the open unit of work. Raises `ImportedElsewhere`, `NoTransaction` outside a unit of work."""
        ...

    async def get(self, id: UUID) -> Import | None:
        """The import, or None if the tenant has none with this id or it has expired."""
        ...

    async def interrupted(self, source: str) -> Import | None:
        """The incomplete import of this source from the command line."""
        ...

    async def advance(self, progress: ChunkProgress, report: Report, refused_rows: Sequence[RefusedRow]) -> None:
        """Add the counts of a chunk in the open unit of work; a complete import loses its file and its source.

        Raises `ImportedElsewhere` if the rows up to `progress.since` are not those that are done, `NoTransaction` outside a unit of work.
        """
        ...
