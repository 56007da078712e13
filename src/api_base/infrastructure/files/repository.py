"""Repositories of files and attachments."""

from uuid import UUID

import sqlalchemy as sa

from api_base.core.types import request_tenant
from api_base.domain.files.attachment import Attachment
from api_base.domain.files.entities import File
from api_base.domain.files.repository import AttachmentRepository, FileRepository
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.files.mapper import ATTACHMENT_MAPPING, MAPPING
from api_base.infrastructure.files.tables import ATTACHMENTS


class SqlFileRepository(SqlRepository[File], FileRepository):
    """For the tenant of the current request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, request_tenant)


class SqlAttachmentRepository(SqlRepository[Attachment], AttachmentRepository):
    """For the tenant of the current request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, ATTACHMENT_MAPPING, request_tenant)
        columns = ATTACHMENTS.c
        self._slot = self.statement(
            columns.kind == sa.bindparam("kind", type_=sa.Text),
            columns.entity_id == sa.bindparam("entity", type_=sa.Uuid),
            columns.slot == sa.bindparam("slot", type_=sa.Text),
        )

    async def of(self, kind: str, entity_id: UUID, slot: str) -> Attachment | None:
        return await self.find(self._slot, request_tenant(), kind=kind, entity=entity_id, slot=slot)
