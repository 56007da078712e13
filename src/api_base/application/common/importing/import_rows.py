"""Save a chunk of rows, with the progress of the import in the same transaction.

Each kind of import has its own command `Rows`, and a `RowImporter` that saves its rows.
"""

from collections.abc import Sequence
from typing import Protocol

from api_base.application.common.cqrs import Command
from api_base.application.common.importing.importer import Outcomes
from api_base.application.common.importing.imports import ChunkProgress, Imports
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.core.protocols import JobProgress
from api_base.core.types import Err


class Rows[T](Protocol):
    """The fields of a command that saves rows. `rows` are numbered and have different keys; `progress` None saves none."""

    @property
    def rows(self) -> Sequence[tuple[int, T]]:
        """Row numbers, counted from 1, and rows."""
        ...

    @property
    def progress(self) -> ChunkProgress | None:
        """What to save with the rows."""
        ...


class RowsCommand[T](Protocol):
    """The class of such a command."""

    def __call__(self, *, rows: Sequence[tuple[int, T]], progress: ChunkProgress | None = None) -> Command[Outcomes]: ...


class RowImporter[T](Protocol):
    """Saves the rows of one kind of import."""

    async def save(self, rows: Sequence[T]) -> Outcomes:
        """Save the rows and return an outcome for each.

        The commit raises a `Conflict` if another transaction wrote one of them in the meantime: the chunk is sent again.
        """
        ...


class ImportRowsHandler[T]:
    """Handles the command `Rows` of one kind of import."""

    def __init__(self, importer: RowImporter[T], imports: Imports, progress: JobProgress) -> None:
        self._importer, self._imports, self._progress = importer, imports, progress

    async def handle(self, command: Rows[T]) -> Outcomes:
        """An outcome for each row.

        Raises `ImportedElsewhere`; the commit raises a `Conflict`, and `JobLost` if the job no longer belongs to this worker.
        """
        outcomes = await self._importer.save([row for _, row in command.rows])
        if command.progress is not None:
            await self._advance(command.progress, [number for number, _ in command.rows], outcomes)
        return outcomes

    async def _advance(self, progress: ChunkProgress, numbers: Sequence[int], outcomes: Outcomes) -> None:
        report, refused = Report(), list(progress.refused)
        for number, outcome in zip(numbers, outcomes, strict=True):
            if isinstance(outcome, Err):
                refused.append(RefusedRow(row=number, reason=str(outcome.error)))
            else:
                report.count(outcome.value)
        report.refused = len(refused)
        if progress.begin is not None:
            await self._imports.add(progress.begin)
        await self._imports.advance(progress, report, sorted(refused, key=lambda one: one.row))
        self._progress.advance(progress.percent)
