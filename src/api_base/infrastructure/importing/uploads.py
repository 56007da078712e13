"""Uploads and their progress in the table `imports`. They are not aggregates: they are written directly and not audited."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from api_base.application.common.importing.records import FileFormat
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.application.common.importing.uploads import MAX_REFUSED_ROWS, ChunkProgress, Upload
from api_base.core.protocols import Clock
from api_base.core.types import request_tenant
from api_base.infrastructure.db.pool import Connection
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement, owned, owner_source
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.importing.tables import IMPORTS
from api_base.infrastructure.serialization.json_codec import decode_as, encode_strictly

_INSERT: Final = f"""
insert into imports (tenant_id, id, kind, format, maps, constants, content, created_at)
select t.id, $2::uuid, $3, $4, $5::text[], $6::text[], $7::bytea, $8::timestamptz from {owner_source(Ownership.TENANT)}
"""
_ADVANCE: Final = f"""
update imports set rows_done = $3, created = created + $4, updated = updated + $5, unchanged = unchanged + $6, refused = refused + $7,
    refused_rows = jsonb_path_query_array(refused_rows || $8::jsonb, '$[0 to {MAX_REFUSED_ROWS - 1}]'), content = case when not $9 then content end
where tenant_id = $1 and id = $2
"""


class SqlUploads:
    """Implements `Uploads`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._by_id = Statement(sa.select(IMPORTS).where(owned(IMPORTS), IMPORTS.c.id == sa.bindparam("id", type_=sa.Uuid)))

    async def add(self, upload: Upload) -> None:
        values = (upload.id, upload.kind, upload.format, list(upload.maps), list(upload.constants), upload.content, self._clock.now())
        tenant = str(request_tenant())
        await open_unit().run(lambda connection: connection.execute(_INSERT, tenant, *values))

    async def get(self, id: UUID) -> Upload | None:
        row = await self._database.fetchrow(self._by_id, request_tenant(), id=id)
        if row is None:
            return None
        return Upload(
            id=row["id"],
            kind=row["kind"],
            format=FileFormat(row["format"]),
            maps=row["maps"],
            constants=row["constants"],
            content=row["content"],
            rows_done=row["rows_done"],
            report=Report(created=row["created"], updated=row["updated"], unchanged=row["unchanged"], refused=row["refused"]),
            refused_rows=decode_as(row["refused_rows"], list[RefusedRow]),
        )

    async def advance(self, progress: ChunkProgress, report: Report, refused_rows: Sequence[RefusedRow]) -> None:
        tenant, reasons = request_tenant(), encode_strictly(refused_rows[:MAX_REFUSED_ROWS]).decode()

        async def send(connection: Connection) -> None:
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
            await connection.execute(
                _ADVANCE, tenant, progress.import_id, progress.until, *astuple(report), reasons, progress.complete
            )  # fmt: skip

        await open_unit().run(send)
