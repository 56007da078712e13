"""Queries of the audit trail."""

from collections.abc import Mapping
from typing import Any, Final

from api_base.application.audit.dtos import AuditRecordDTO
from api_base.application.audit.list_audit import AUDIT_FIELDS, ListAudit, ListPlatformAudit
from api_base.application.common.listing import Page
from api_base.core.types import NO_TENANT, request_tenant
from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.db.session import Database
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
