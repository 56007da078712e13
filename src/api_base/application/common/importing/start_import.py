"""Enqueue the job that imports a stored file. Errors in the mapping and the columns are reported immediately."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.imports import Import, Imports
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat, OpenSource
from api_base.application.common.importing.schema import SchemaOf
from api_base.application.common.importing.source_files import Readable, SourceFiles, format_of
from api_base.application.common.importing.threads import in_reading_thread
from api_base.core.errors import Invalid, NotFound
from api_base.core.protocols import IdGenerator, JobQueue
from api_base.core.types import request_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedImportDTO:
    """The job of the import: `GET /jobs/{job_id}` shows its progress and, at the end, its result.

    `read_as` is the dialect of the file by its beginning, such as `semicolon, windows-1252`. A later byte may show another encoding.
    """

    job_id: UUID
    read_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartImport(Command[StartedImportDTO]):
    """Each kind of import has a subclass with its permission.

    `maps` and `constants` have the form `target=Column` and `target=value`. `tenant_id` is the tenant that the URL names, if it does.
    `format` None is that of the file's media type. `version` is that of the API, whose names the columns have; None is the newest one.
    """

    tenant_id: UUID | None = None
    file_id: UUID
    format: FileFormat | None = None
    dialect: Dialect
    maps: Sequence[str]
    constants: Sequence[str]
    version: int | None = None


class StartImportHandler[T]:
    """`job` is the command that imports the file. `allow` raises `FeatureDisabled` while imports are switched off.

    `open_source` decides on the encoding by the beginning of the file: what the request reads does not grow with the file.
    """

    def __init__(
        self,
        schema: SchemaOf[T],
        job: type[ImportFile],
        imports: Imports,
        files: SourceFiles,
        readable: Readable,
        open_source: OpenSource,
        jobs: JobQueue,
        ids: IdGenerator,
        allow: Callable[[], None],
    ) -> None:
        self._schema, self._job, self._imports, self._jobs, self._ids, self._allow = schema, job, imports, jobs, ids, allow
        self._files, self._readable, self._open_source = files, readable, open_source

    async def handle(self, command: StartImport) -> StartedImportDTO:
        """Raises `NotFound` for a foreign tenant, `Invalid` for a foreign file and an unknown format, `FeatureDisabled`, `MappingRefused` for a bad
        mapping, `UnreadableFile` for a bad beginning, and what else `SourceFiles` raises.
        """
        if command.tenant_id not in (None, request_tenant()):
            raise NotFound("tenant", command.tenant_id)
        self._allow()
        schema = self._schema(command.version)
        try:
            file = await self._files.open(command.file_id)
        except NotFound:
            raise Invalid.of("/file_id", "unknown", "must be the id of a file of the tenant") from None
        format = format_of(file, command.format)
        with self._readable(file) as opened:
            prepared = await in_reading_thread(
                PreparedFile.prepare,
                schema,
                command.maps,
                command.constants,
                self._open_source,
                opened,
                format,
                command.dialect,
            )
        stored = Import(
            id=self._ids.new(),
            kind=schema.kind,
            format=format,
            dialect=replace(prepared.dialect, encoding=command.dialect.encoding),
            maps=command.maps,
            constants=command.constants,
            file_id=command.file_id,
        )
        await self._imports.add(stored)
        return StartedImportDTO(
            job_id=await self._jobs.enqueue(self._job(import_id=stored.id, version=command.version)), read_as=prepared.dialect.described()
        )
