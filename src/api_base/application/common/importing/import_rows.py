"""Save a chunk of rows, with the progress of the import in the same transaction.

Each kind of import has its own subclass of `ImportRows`, and a `RowImporter` that saves its rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from api_base.application.common.cqrs import Command
from api_base.application.common.importing.importer import Outcomes
from api_base.application.common.importing.imports import ChunkProgress, Imports
from api_base.application.common.importing.report import RefusedRow, Report, reason_of
from api_base.core.protocols import JobProgress
from api_base.core.types import Err


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRows[T](Command[Outcomes]):
    """Each kind of import has a subclass with its permission. `rows` have different keys; their numbers are counted from 1.

    `progress` is saved with the rows; None saves none.
    """

    rows: Sequence[tuple[int, T]]
    progress: ChunkProgress | None = None


class RowImporter[T](Protocol):
    """Saves the rows of one kind of import."""

    async def save(self, rows: Sequence[T]) -> Outcomes:
        """Save the rows and return an outcome for each.

        The commit raises a `Conflict` if another transaction wrote one of them in the meantime: the chunk is sent again.
        """
        ...


class ImportRowsHandler[T]:
    """Handles the `ImportRows` of one kind of import. `allow` raises `FeatureDisabled` while imports are switched off."""

    def __init__(self, importer: RowImporter[T], imports: Imports, progress: JobProgress, allow: Callable[[], None]) -> None:
        self._importer, self._imports, self._progress, self._allow = importer, imports, progress, allow

    async def handle(self, command: ImportRows[T]) -> Outcomes:
        """An outcome for each row.

        Raises `FeatureDisabled`, `ImportedElsewhere`; the commit raises a `Conflict`, and `JobLost` if the job no longer belongs to this worker.
        """
        if command.rows:
            self._allow()
        outcomes = await self._importer.save([row for _, row in command.rows])
        if command.progress is not None:
            await self._advance(command.progress, [number for number, _ in command.rows], outcomes)
        return outcomes

    async def _advance(self, progress: ChunkProgress, numbers: Sequence[int], outcomes: Outcomes) -> None:
        report, refused = Report(), list(progress.refused)
        for number, outcome in zip(numbers, outcomes, strict=True):
            if isinstance(outcome, Err):
                refused.append(RefusedRow(row=number, reason=reason_of(outcome.error)))
            else:
                report.count(outcome.value)
        report.refused = len(refused)
        if progress.begin is not None:
            await self._imports.add(progress.begin)
        await self._imports.advance(progress, report, sorted(refused, key=lambda one: one.row))
        self._progress.advance(progress.percent)
