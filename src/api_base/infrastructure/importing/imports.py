"""Imports and their progress in the table `imports`. They are not aggregates: they are written directly and not audited."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.imports import MAX_REFUSED_ROWS, ChunkProgress, Import, ImportedElsewhere, RefusedFileState
from api_base.application.common.importing.records import FileFormat
from api_base.application.common.importing.report import RefusedRow, Report
from api_base.core.protocols import Clock
from api_base.core.types import request_tenant
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement, owned, owner_source
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.importing.tables import IMPORTS
from api_base.infrastructure.serialization.json_codec import decode_as, encode_strictly

_INSERT: Final = f"""
insert into imports (tenant_id, id, kind, format, dialect, maps, constants, file_id, source, created_at)
select t.id, $2::uuid, $3, $4, $5::jsonb, $6::text[], $7::text[], $8::uuid, $9, $10::timestamptz from {owner_source(Ownership.TENANT)}
on conflict (tenant_id, source) do nothing
"""
_ADVANCE: Final = f"""
update imports set rows_done = $3, created = created + $4, updated = updated + $5, unchanged = unchanged + $6, refused = refused + $7,
    refused_rows = case when source is null then jsonb_path_query_array(refused_rows || $8::jsonb, '$[0 to {MAX_REFUSED_ROWS - 1}]')
        else $8::jsonb end, refused_file = $9::jsonb, file_id = case when not $10 then file_id end, source = case when not $10 then source end
where tenant_id = $1 and id = $2 and rows_done = $11
"""


class SqlImports:
    """Implements `Imports`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        mine = sa.select(IMPORTS).where(owned(IMPORTS))
        self._by_id = Statement(mine.where(IMPORTS.c.id == sa.bindparam("id", type_=sa.Uuid)))
        self._by_source = Statement(mine.where(IMPORTS.c.source == sa.bindparam("source", type_=sa.Text)))

    async def add(self, new: Import) -> None:
        dialect = encode_strictly(asdict(new.dialect)).decode()
        values = (new.id, new.kind, new.format, dialect, list(new.maps), list(new.constants), new.file_id, new.source, self._clock.now())
        tenant = str(request_tenant())
        if await open_unit().run(lambda connection: connection.execute(_INSERT, tenant, *values)) != "INSERT 0 1":
            raise ImportedElsewhere

    async def get(self, id: UUID) -> Import | None:
        row = await self._database.fetchrow(self._by_id, request_tenant(), id=id)
        return None if row is None else _import(row)

    async def interrupted(self, source: str) -> Import | None:
        row = await self._database.fetchrow(self._by_source, request_tenant(), source=source)
        return None if row is None else _import(row)

    async def advance(self, progress: ChunkProgress, report: Report, refused_rows: Sequence[RefusedRow]) -> None:
        tenant, reasons = request_tenant(), encode_strictly(refused_rows[:MAX_REFUSED_ROWS]).decode()
        refused_file = encode_strictly(progress.refused_file).decode()
        values = (progress.import_id, progress.until, *astuple(report), reasons, refused_file, progress.complete, progress.since)

        async def send(connection: Connection) -> None:
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
            if await connection.execute(_ADVANCE, tenant, *values) != "UPDATE 1":
                raise ImportedElsewhere

        await open_unit().run(send)


def _import(row: Mapping[str, Any]) -> Import:
    return Import(
        id=row["id"],
        kind=row["kind"],
        format=FileFormat(row["format"]),
        dialect=decode_as(row["dialect"], Dialect),
        maps=row["maps"],
        constants=row["constants"],
        file_id=row["file_id"],
        source=row["source"],
        rows_done=row["rows_done"],
        report=Report(created=row["created"], updated=row["updated"], unchanged=row["unchanged"], refused=row["refused"]),
        refused_rows=decode_as(row["refused_rows"], list[RefusedRow]),
        refused_file=decode_as(row["refused_file"], RefusedFileState) if row["refused_file"] else RefusedFileState(),
    )
