"""Files that were uploaded for an import, stored with the progress of the import until its job has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from api_base.application.common.importing.records import FileFormat
from api_base.application.common.importing.report import RefusedRow, Report

MAX_REFUSED_ROWS: Final = 1000
"""Refused rows that are stored with their reasons. All of them are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """`maps` and `constants` are as `ColumnMapping.parse` takes them. `content` is None once the import is complete.

    Rows up to `rows_done` are imported; `report` and `refused_rows` (the first ones) describe them.
    """

    id: UUID
    kind: str
    format: FileFormat
    maps: Sequence[str]
    constants: Sequence[str]
    content: bytes | None
    rows_done: int = 0
    report: Report = field(default_factory=Report)
    refused_rows: Sequence[RefusedRow] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkProgress:
    """The progress that is saved with a chunk: its last row `until`, the rows `refused` before it was sent, the job's `percent`."""

    import_id: UUID
    until: int
    percent: int
    refused: Sequence[RefusedRow] = ()
    complete: bool = False


class Uploads(Protocol):
    """The uploads of the current request's tenant."""

    async def add(self, upload: Upload) -> None:
        """Store a new upload in the open unit of work. Raises `NoTransaction` outside one."""
        ...

    async def get(self, id: UUID) -> Upload | None:
        """The upload with its content, or None if the tenant has none with this id or it has expired."""
        ...

    async def advance(self, progress: ChunkProgress, report: Report, refused_rows: Sequence[RefusedRow]) -> None:
        """Add the counts of a chunk in the open unit of work; delete the content of a complete import. Raises `NoTransaction` outside one."""
        ...
