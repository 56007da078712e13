"""Take a file to import: it is kept, and a job brings it in. What shows at a glance to be wrong with it is told at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import ClassVar

from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.application.items.commands.import_upload import ImportUpload
from api_base.application.items.dtos import StartedImportDTO
from api_base.application.items.importing import Form, ItemMapping
from api_base.application.items.importing.records import RecordReader, as_text
from api_base.application.items.importing.uploads import Upload, Uploads
from api_base.core.protocols import IdGenerator, JobQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class StartImport(Command[StartedImportDTO]):
    """`maps` and `constants` are of the form `target=Column` and `target=value`."""

    permission: ClassVar[str] = permissions.IMPORT
    form: Form
    maps: Sequence[str]
    constants: Sequence[str]
    content: bytes = field(repr=False)


class StartImportHandler:
    def __init__(self, uploads: Uploads, read: RecordReader, jobs: JobQueue, ids: IdGenerator) -> None:
        self._uploads, self._read, self._jobs, self._ids = uploads, read, jobs, ids

    async def handle(self, command: StartImport) -> StartedImportDTO:
        """Raises `MappingRefused` for a mapping that cannot work, `UnreadableFile` where the beginning is not what the form says."""
        mapping = ItemMapping.parse(command.maps, command.constants)
        columns, records = self._read(as_text(BytesIO(command.content)), command.form)
        if columns is not None:
            mapping.check(columns)
        next(records, None)
        upload = Upload(
            id=self._ids.new(), form=command.form, maps=command.maps, constants=command.constants, content=command.content
        )  # fmt: skip
        await self._uploads.add(upload)
        return StartedImportDTO(job_id=await self._jobs.enqueue(ImportUpload(import_id=upload.id)))
