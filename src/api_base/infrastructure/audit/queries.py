"""Queries of the audit trail."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.audit.dtos import AuditRecordDTO, CreatorDTO
from api_base.application.audit.list_audit import AUDIT_FIELDS, GetCreators, ListAudit, ListHistories, ListPlatformAudit
from api_base.application.common.listing import Page
from api_base.core.errors import Invalid
from api_base.core.types import NO_TENANT, Result, request_tenant
from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.db.changes import Kind
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.serialization.json_codec import decode

COLUMNS: Final = {name: AUDIT.c[name] for name in ("entity_id", "actor_id", "action", "entity", "at")}


def _fields(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else decode(text)


to_dto: Final = restored(AuditRecordDTO, before=_fields, after=_fields)


class _AuditPages:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, AUDIT, AUDIT_FIELDS, COLUMNS, to_dto)


class ListAuditHandler(_AuditPages):
    async def handle(self, query: ListAudit) -> Page[AuditRecordDTO]:
        """A page of records. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, request_tenant())


class ListPlatformAuditHandler(_AuditPages):
    async def handle(self, query: ListPlatformAudit) -> Page[AuditRecordDTO]:
        """A page of records. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, NO_TENANT)


class ListHistoriesHandler:
    """Each kind of entity has its own pages: its cursors are of no use for another kind."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages: dict[str, PageBuilder[AuditRecordDTO]] = {}

    async def handle(self, query: ListHistories) -> Mapping[UUID, Result[Page[AuditRecordDTO], Invalid]]:
        """A page of records of each entity."""
        pages = self._pages.get(query.entity)
        if pages is None:
            kind = AUDIT.c.entity == sa.literal(query.entity, sa.Text)
            pages = PageBuilder(self._database, AUDIT, AUDIT_FIELDS, COLUMNS, to_dto, base=lambda request: (None, kind))
            self._pages[query.entity] = pages
        return await pages.pages_of(query.request, AUDIT.c.entity_id, query.entity_ids, request_tenant())


class GetCreatorsHandler:
    """An entity is created once: the index on its id finds its few records."""

    def __init__(self, database: Database) -> None:
        self._database = database
        named = AUDIT.c.entity_id == sa.any_(sa.bindparam("entity_ids", type_=ARRAY(sa.Uuid)))
        created = AUDIT.c.action == sa.bindparam("action", type_=sa.Text)
        self._statement = Statement(
            sa.select(AUDIT.c.entity_id, AUDIT.c.actor_id.label("user_id")).where(
                owned(AUDIT), named, created, AUDIT.c.actor_id.is_not(None)
            )
        )

    async def handle(self, query: GetCreators) -> Sequence[CreatorDTO]:
        action = f"{query.entity}.{Kind.INSERT.value}"
        rows = await self._database.fetch(self._statement, request_tenant(), entity_ids=list(query.entity_ids), action=action)
        return [CreatorDTO(entity_id=row["entity_id"], user_id=row["user_id"]) for row in rows]
