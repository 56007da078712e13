"""Store a file and enqueue the job that imports it. Errors in the mapping, the columns and the first record are reported immediately."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import FileFormat, RecordReader, as_text
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.importing.uploads import Upload, Uploads
from api_base.core.errors import NotFound
from api_base.core.protocols import IdGenerator, JobQueue
from api_base.core.types import request_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedImportDTO:
    """The job of the import: `GET /api/v1/jobs/{job_id}` shows its progress and, at the end, its result."""

    job_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StartImport(Command[StartedImportDTO]):
    """Each kind of import has a subclass with its permission.

    `maps` and `constants` have the form `target=Column` and `target=value`. `tenant_id` is the tenant that the URL names, if it does.
    """

    tenant_id: UUID | None = None
    format: FileFormat
    maps: Sequence[str]
    constants: Sequence[str]
    content: bytes = field(repr=False)


class StartImportHandler[T]:
    """`job` is the command that imports the file."""

    def __init__(
        self,
        schema: ImportSchema[T],
        job: type[ImportFile],
        uploads: Uploads,
        read: RecordReader,
        jobs: JobQueue,
        ids: IdGenerator,
    ) -> None:
        self._schema, self._job, self._uploads, self._read, self._jobs, self._ids = schema, job, uploads, read, jobs, ids

    async def handle(self, command: StartImport) -> StartedImportDTO:
        """Raises `NotFound` for a foreign tenant, `MappingRefused` for a bad mapping or a missing column, `UnreadableFile` for a bad beginning."""
        if command.tenant_id not in (None, request_tenant()):
            raise NotFound("tenant", command.tenant_id)
        mapping = ColumnMapping.parse(self._schema, command.maps, command.constants)
        columns, records = self._read(as_text(BytesIO(command.content)), command.format)
        if columns is not None:
            mapping.check(columns)
        next(records, None)
        upload = Upload(
            id=self._ids.new(),
            kind=self._schema.kind,
            format=command.format,
            maps=command.maps,
            constants=command.constants,
            content=command.content,
        )
        await self._uploads.add(upload)
        return StartedImportDTO(job_id=await self._jobs.enqueue(self._job(import_id=upload.id)))
