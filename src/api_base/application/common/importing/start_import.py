"""Store a file and enqueue the job that imports it. Errors in the mapping and the columns are reported immediately."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from uuid import UUID

from api_base.application.common.cqrs import Command
from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.import_file import ImportFile
from api_base.application.common.importing.imports import Import, Imports
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat, OpenSource
from api_base.application.common.importing.schema import ImportSchema
from api_base.core.errors import NotFound
from api_base.core.protocols import IdGenerator, JobQueue
from api_base.core.types import request_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedImportDTO:
    """The job of the import: `GET /api/v1/jobs/{job_id}` shows its progress and, at the end, its result.

    `read_as` is the dialect of the file, such as `semicolon, windows-1252`.
    """

    job_id: UUID
    read_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartImport(Command[StartedImportDTO]):
    """Each kind of import has a subclass with its permission.

    `maps` and `constants` have the form `target=Column` and `target=value`. `tenant_id` is the tenant that the URL names, if it does.
    """

    tenant_id: UUID | None = None
    format: FileFormat
    dialect: Dialect
    maps: Sequence[str]
    constants: Sequence[str]
    content: bytes = field(repr=False)


class StartImportHandler[T]:
    """`job` is the command that imports the file. `allow` raises `FeatureDisabled` while imports are switched off."""

    def __init__(
        self,
        schema: ImportSchema[T],
        job: type[ImportFile],
        imports: Imports,
        open_source: OpenSource,
        jobs: JobQueue,
        ids: IdGenerator,
        allow: Callable[[], None],
    ) -> None:
        self._schema, self._job, self._imports, self._open_source, self._jobs, self._ids = schema, job, imports, open_source, jobs, ids
        self._allow = allow

    async def handle(self, command: StartImport) -> StartedImportDTO:
        """Raises `NotFound` for a foreign tenant, `FeatureDisabled`, `MappingRefused` for a bad mapping, `UnreadableFile` for a bad beginning."""
        if command.tenant_id not in (None, request_tenant()):
            raise NotFound("tenant", command.tenant_id)
        self._allow()
        file = BytesIO(command.content)
        prepared = await asyncio.to_thread(
            PreparedFile.prepare, self._schema, command.maps, command.constants, self._open_source, file, command.format, command.dialect
        )
        stored = Import(
            id=self._ids.new(),
            kind=self._schema.kind,
            format=command.format,
            dialect=prepared.dialect,
            maps=command.maps,
            constants=command.constants,
            content=command.content,
        )
        await self._imports.add(stored)
        return StartedImportDTO(job_id=await self._jobs.enqueue(self._job(import_id=stored.id)), read_as=prepared.dialect.described())
