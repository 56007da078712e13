"""Bring a chunk of an upload into the catalogue and note it in the upload's journal, both or neither."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.application.items.commands.import_items import Imported, ImportItems, ImportItemsHandler
from api_base.application.items.importing.uploads import Counts, RefusedRow, Uploads
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import JobProgress
from api_base.core.types import Err, Result
from api_base.domain.items.entities import ItemDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportUploadRows(Command[Sequence[Result[Imported, ApiBaseError]]]):
    """`rows` have different skus; `refused` are the chunk's others. `until` is its last row, and `percent` how far that is."""

    permission: ClassVar[str] = permissions.IMPORT
    import_id: UUID
    rows: Sequence[tuple[int, ItemDetails]]
    refused: Sequence[RefusedRow]
    until: int
    percent: int
    complete: bool = False


class ImportUploadRowsHandler:
    def __init__(self, items: ImportItemsHandler, uploads: Uploads, progress: JobProgress) -> None:
        self._items, self._uploads, self._progress = items, uploads, progress

    async def handle(self, command: ImportUploadRows) -> Sequence[Result[Imported, ApiBaseError]]:
        """As of `ImportItems`; the commit raises `JobLost` where the job is not this worker's any more."""
        results = await self._items.handle(ImportItems(rows=[details for _, details in command.rows]))
        refused, counted = list(command.refused), Counter[Imported]()
        for (row, _), result in zip(command.rows, results, strict=True):
            if isinstance(result, Err):
                refused.append(RefusedRow(row=row, reason=str(result.error)))
            else:
                counted[result.value] += 1
        counts = Counts(
            created=counted[Imported.CREATED],
            updated=counted[Imported.UPDATED],
            unchanged=counted[Imported.UNCHANGED],
            refused=len(refused),
        )
        refused.sort(key=lambda one: one.row)
        await self._uploads.note(command.import_id, command.until, counts, refused, complete=command.complete)
        self._progress.advance(command.percent)
        return results
