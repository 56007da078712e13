"""Exports in the audit trail: `export.began`, with the list, the format and the names of its parameters."""

from collections.abc import Sequence

from api_base.core.protocols import ExportLog, IdGenerator
from api_base.core.types import NO_TENANT, current_context
from api_base.infrastructure.db.changes import AuditWriter
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.serialization.json_codec import encode_strictly


class SqlExportLog(ExportLog):
    """Writes by the open unit of work."""

    def __init__(self, audit: AuditWriter, ids: IdGenerator) -> None:
        self._audit, self._ids = audit, ids

    async def began(self, list: str, format: str, parameters: Sequence[str]) -> None:
        tenant = current_context.get().tenant_id or NO_TENANT
        after = encode_strictly({"list": list, "format": format, "parameters": parameters}).decode()

        async def send(connection: Connection) -> None:
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
            await self._audit.note(connection, tenant, "export", "began", self._ids.new(), (None, after))

        await open_unit().run(send)
