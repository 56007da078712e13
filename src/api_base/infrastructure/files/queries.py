"""Queries of files: rows become DTOs directly, without the aggregate."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.listing import Page
from api_base.application.files.commands.attachments import Attachable
from api_base.application.files.queries import (
    ATTACHED_FIELDS,
    FILE_FIELDS,
    MAX_ATTACHED,
    AttachedFileDTO,
    GetAttachedFiles,
    GetFile,
    GetFilesByIds,
    ListAttachedFiles,
    ListFiles,
)
from api_base.application.services.file_upload.begin import GetUpload, upload_dto
from api_base.application.services.file_upload.dtos import FileDTO, UploadDTO
from api_base.application.services.file_upload.progress import own_upload
from api_base.core.errors import Invalid, NotFound
from api_base.core.protocols import Clock, PermissionChecker
from api_base.core.types import Result, current_context, request_tenant, request_user
from api_base.domain.files.repository import FileRepository, Uploads
from api_base.domain.files.value_objects import FileState
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.files.tables import ATTACHMENTS, FILES

COLUMNS: Final = {"name": FILES.c.name, "state": FILES.c.state, "created_at": FILES.c.created_at}
to_dto: Final = restored(FileDTO, state=FileState)


class GetFileHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = Statement(sa.select(FILES).where(owned(FILES), FILES.c.id == sa.bindparam("id", type_=sa.Uuid)))

    async def handle(self, query: GetFile) -> FileDTO:
        """The file, whatever its state. Raises `NotFound`."""
        row = await self._database.fetchrow(self._statement, request_tenant(), id=query.id)
        if row is None:
            raise NotFound("file", query.id)
        return to_dto(row)


class GetFilesByIdsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        named = FILES.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        self._statement = Statement(sa.select(FILES).where(owned(FILES), named))

    async def handle(self, query: GetFilesByIds) -> Sequence[FileDTO]:
        return [to_dto(row) for row in await self._database.fetch(self._statement, request_tenant(), ids=list(query.ids))]


class ReadableKinds:
    """The kinds of resources that files can be attached to. `attachable` are those of all contexts, by kind."""

    def __init__(self, attachable: Mapping[str, Attachable], checker: PermissionChecker) -> None:
        self._attachable, self._checker = attachable, checker

    def check(self, kind: str) -> None:
        """Raise `NotFound` for an unknown kind, `Forbidden` for who may not read it."""
        declared = self._attachable.get(kind)
        if declared is None:
            raise NotFound("kind of resource", kind)
        self._checker.check(current_context.get().principal, declared.read(UUID(int=0)).permission)


class GetAttachedFilesHandler:
    def __init__(self, database: Database, kinds: ReadableKinds) -> None:
        self._database, self._kinds = database, kinds
        named = ATTACHMENTS.c.entity_id == sa.any_(sa.bindparam("entity_ids", type_=ARRAY(sa.Uuid)))
        kind = ATTACHMENTS.c.kind == sa.bindparam("kind", type_=sa.Text)
        order = ATTACHMENTS.c.slot != sa.bindparam("slot", type_=sa.Text), ATTACHMENTS.c.slot
        number = sa.func.row_number().over(partition_by=ATTACHMENTS.c.entity_id, order_by=order).label("number")
        numbered = sa.select(ATTACHMENTS.c.entity_id, ATTACHMENTS.c.slot, ATTACHMENTS.c.file_id, number).where(
            owned(ATTACHMENTS), named, kind
        )
        first = numbered.subquery("first")
        rows = sa.select(FILES, first.c.entity_id, first.c.slot).where(owned(FILES), FILES.c.id == first.c.file_id)
        self._statement = Statement(rows.where(first.c.number <= MAX_ATTACHED).order_by(first.c.entity_id, first.c.slot))

    async def handle(self, query: GetAttachedFiles) -> Sequence[AttachedFileDTO]:
        """Raises `NotFound` for an unknown kind, `Forbidden` for who may not read it."""
        self._kinds.check(query.kind)
        found = await self._database.fetch(
            self._statement, request_tenant(), kind=query.kind, entity_ids=list(query.entity_ids), slot=query.slot
        )
        return [AttachedFileDTO(entity_id=row["entity_id"], slot=row["slot"], file=to_dto(row)) for row in found]


def _attached(row: Row) -> AttachedFileDTO:
    file = to_dto({one.name: row[f"file__{one.name}"] for one in FILES.c})
    return AttachedFileDTO(entity_id=row["entity_id"], slot=row["slot"], file=file)


class ListAttachedFilesHandler:
    """The files come by a join. Each kind has its own pages: its cursors are of no use for another kind."""

    def __init__(self, database: Database, kinds: ReadableKinds) -> None:
        self._database, self._kinds = database, kinds
        self._pages: dict[str, PageBuilder[AttachedFileDTO]] = {}

    async def handle(self, query: ListAttachedFiles) -> Mapping[UUID, Result[Page[AttachedFileDTO], Invalid]]:
        """Raises `NotFound` for an unknown kind, `Forbidden` for who may not read it."""
        self._kinds.check(query.kind)
        pages = self._pages.setdefault(query.kind, self._pages_of(query.kind))
        return await pages.pages_of(query.request, ATTACHMENTS.c.entity_id, query.entity_ids, request_tenant())

    def _pages_of(self, kind: str) -> PageBuilder[AttachedFileDTO]:
        joined = sa.and_(ATTACHMENTS.c.kind == sa.literal(kind, sa.Text), owned(FILES), FILES.c.id == ATTACHMENTS.c.file_id)
        return PageBuilder(
            self._database,
            ATTACHMENTS,
            ATTACHED_FIELDS,
            {"slot": ATTACHMENTS.c.slot},
            _attached,
            base=lambda request: (None, joined),
            also=[column.label(f"file__{column.name}") for column in FILES.c],
        )


class ListFilesHandler:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, FILES, FILE_FIELDS, COLUMNS, to_dto)

    async def handle(self, query: ListFiles) -> Page[FileDTO]:
        """A page of files. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, request_tenant())


class GetUploadHandler:
    def __init__(self, files: FileRepository, uploads: Uploads, clock: Clock) -> None:
        self._files, self._uploads, self._clock = files, uploads, clock

    async def handle(self, query: GetUpload) -> UploadDTO:
        """How far the caller's upload is, also after its end. Raises `NotFound`, `UploadExpired`."""
        file = await self._files.get(query.id)
        if file is not None and file.owner_id == request_user() and file.checked:
            size = 0 if file.facts is None else file.facts.size
            return UploadDTO(id=file.id, offset=size, length=size, complete=True, expires_at=None)
        upload = await own_upload(self._uploads, query.id)
        upload.refuse_expired(self._clock.now())
        return upload_dto(upload)
